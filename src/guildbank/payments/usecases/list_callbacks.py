"""List the callback steps with how they stand: what waits, and which are disabled."""

from guildbank.infra.tenant import TenantRef
from guildbank.payments import callbacks
from guildbank.payments.callbacks import CallbackRow
from guildbank.payments.usecases import Payments


async def list_callbacks(
    payments: Payments, tenant: TenantRef, after: tuple[str, str], limit: int
) -> list[CallbackRow]:
    """Return those that anything was ever to be told, by purpose and name, after a place."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await callbacks.page_of(tx.driver, after, limit)
