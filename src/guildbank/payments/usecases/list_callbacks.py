"""List the callback steps with how they stand: what waits, and which are disabled."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.payments import callbacks
from guildbank.payments.callbacks import CallbackRow
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.told_words import open_words


async def list_callbacks(
    payments: Payments, tenant: TenantRef, after: tuple[str, str], limit: int
) -> list[CallbackRow]:
    """Return those that anything was ever to be told, by purpose and name, after a place."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        rows = await callbacks.page_of(tx.driver, after, limit)
    kept = [(one.payment_id or "", one.sealed) for one in rows]
    said = await open_words(payments, tenant, kept)
    return [
        msgspec.structs.replace(row, problem=words.problem or row.problem, sealed=None)
        for row, words in zip(rows, said, strict=True)
    ]
