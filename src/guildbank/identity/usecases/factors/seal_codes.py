"""Keep secrets of second factors so that the database alone gives none of them away."""

from guildbank.identity.rules import bare_code
from guildbank.identity.usecases import Identity
from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef


async def key_of(identity: Identity, tenant: TenantRef) -> DataKey:
    """Return the tenant's key; not for the inside of a transaction."""
    key = await identity.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    return key


def seal_totp(key: DataKey, player_id: str, secret: str) -> bytes:
    """Return the secret of an authenticator app as it is kept, for this player alone."""
    return key.seal(_place(player_id), secret.encode())


def open_totp(key: DataKey, player_id: str, sealed: bytes) -> str:
    """Return the secret in base32; raises SealBroken."""
    return key.open(_place(player_id), sealed).decode()


def hash_recovery_code(key: DataKey, player_id: str, code: str) -> bytes:
    """Return what is kept of a recovery code."""
    return key.hash(b"recovery code", f"{player_id}.{bare_code(code)}".encode())


def _place(player_id: str) -> bytes:
    return b"identity_factor:" + player_id.encode()
