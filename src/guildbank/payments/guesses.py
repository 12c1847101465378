"""Slows down who guesses what confirms payments, by counters that all workers share.

A try is counted before its data are looked at, so that a thousand at once are not let through
together, and taken back unless it was wrong. It is counted for the payment's player, and for the
address where a player calls. Nobody else waits for it: nothing is counted by tenant or provider.
"""

from typing import NamedTuple

import msgspec
import structlog

from guildbank.infra.acting import ACTING
from guildbank.infra.http.client_address import read_address
from guildbank.infra.limits import Store, StoreAway
from guildbank.infra.limits.stores import Growth
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
_HOUR, _DAY = 3_600, 86_400
BY_PLAYER = Growth(free_tries=10, first_seconds=900, longest_seconds=4 * _HOUR, forget_seconds=_DAY)
BY_ADDRESS = Growth(free_tries=100, first_seconds=60, longest_seconds=900, forget_seconds=_DAY)
"""Who guesses as many players; a school or an office has one address, so it has more free tries."""


class Try(NamedTuple):
    """A try that is counted, by its counters."""

    counters: tuple[tuple[bytes, Growth], ...]


class Guesses:
    """The counters of confirmations."""

    def __init__(self, store: Store, tenants: Tenants) -> None:
        self._store, self._tenants = store, tenants

    async def begin(self, tenant: TenantRef, player_id: str) -> Try | Refusal:
        """Count a try, or count nothing: `too_many_confirmations`, which says how long to wait.

        Raises StoreAway, on which nothing may be looked at.
        """
        counters = [(await self._key(tenant, "player", player_id), BY_PLAYER)]
        # A game server speaks for all of its players from one address.
        acting = ACTING.get()
        if acting is not None and acting.kind == "stranger" and acting.address is not None:
            place = read_address(acting.address).rate_key
            counters.append((await self._key(tenant, "address", place), BY_ADDRESS))
        wait = await self._store.begin_try(counters)
        if wait == 0:
            return Try(tuple(counters))
        return Refusal(
            code="too_many_confirmations",
            detail="Too many confirmations by this player, or from this address, were wrong. "
            f"Nothing was looked at. Wait {wait} seconds, then try again.",
            extra={"retryAfterSeconds": wait},
        )

    async def take_back(self, counted: Try) -> None:
        """Uncount a try that was not wrong; wrong ones before it stay counted."""
        try:
            for key, growth in counted.counters:
                await self._store.take_back_try(key, growth)
        except StoreAway as error:
            # The data were right; what stays counted is forgotten in time.
            log.warning("confirmation_stays_counted", error=str(error))

    async def _key(self, tenant: TenantRef, kind: str, name: str) -> bytes:
        key = await self._tenants.data_key(tenant.id)
        assert key is not None, "a tenant that takes payments has its key"
        return key.hash(b"payments.guesses", msgspec.json.encode((kind, name)))[:16]
