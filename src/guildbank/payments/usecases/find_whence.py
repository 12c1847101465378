"""Say where a purchase is asked for from, in the form that may be kept."""

from guildbank.infra.tenant import TenantRef
from guildbank.payments.contracts.sale import Whence
from guildbank.payments.usecases import Payments

HASHED_BYTES = 16
"""As many as tell all devices of a tenant apart."""


async def find_whence(
    payments: Payments, tenant: TenantRef, address: str | None, token: str | None
) -> Whence:
    """Return the address as it is, and the device's token as a hash under the tenant's key.

    Not for the inside of a transaction: the key may need a connection of its own.
    """
    if token is None:
        return Whence(address)
    key = await payments.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    return Whence(address, key.hash(b"payment device", token.encode())[:HASHED_BYTES].hex())
