"""Rate limits and the brake on guessing, over counters that all workers share.

    limiter = open_limiter(store, vault)
    verdict = await limiter.ask(RateLimit("search", quota=30, window_seconds=60), caller)

A route declares limits of its own in `opt={"limits": (RateLimit(...),)}`, and the HTTP edge asks.
"""

from guildbank.infra.config import Settings
from guildbank.infra.crypto import Vault
from guildbank.infra.database import Database
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.limits.limiter import Limiter
from guildbank.infra.limits.policy import RateLimit, Verdict
from guildbank.infra.limits.stores import Store, StoreAway
from guildbank.infra.limits.throttle import Throttle

__all__ = [
    "Limiter",
    "RateLimit",
    "Store",
    "StoreAway",
    "Throttle",
    "Verdict",
    "open_limiter",
    "open_store",
    "open_throttle",
]


def open_store(settings: Settings, db: Database) -> Store:
    """Return the counters' store: Redis where one is configured, else the database."""
    if settings.redis_url is None:
        return PostgresStore(db)
    # Imported where it is used: others need not wait for it at each start.
    from guildbank.infra.limits.in_redis import RedisStore  # noqa: PLC0415

    return RedisStore(settings.redis_url.get_secret_value())


def open_limiter(store: Store, vault: Vault) -> Limiter:
    """Return the limiter of this process."""
    return Limiter(store, vault.hash(b"rate counters", b""))


def open_throttle(store: Store, vault: Vault) -> Throttle:
    """Return the brake on guessing passwords."""
    return Throttle(store, vault.hash)
