"""Read currencies and holds."""

from guildbank.infra.tenant import TenantRef
from guildbank.journal import entries_at, fetch_rows
from guildbank.kernel import Refusal, parse_seq_id
from guildbank.kernel.ids import epoch_ms
from guildbank.ledger import HOLDS, Hold
from guildbank.wallets.checks import Passed, checks_of
from guildbank.wallets.contracts import Currency
from guildbank.wallets.purses import CURRENCIES, currency_codes
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.hold import UNKNOWN_HOLD
from guildbank.wallets.usecases.reverse import UNKNOWN_TRANSACTION


async def get_hold(wallets: Wallets, tenant: TenantRef, hold_id: str) -> Hold | Refusal:
    """Return a hold of this tenant, or `unknown_hold`."""
    at = parse_seq_id("hold", hold_id)
    if at is None:
        return UNKNOWN_HOLD
    async with wallets.db.begin(tenant.schema, read_only=True) as tx:
        found = (await fetch_rows(tx.driver, HOLDS, [at.seq])).get(at.seq)
    if found is None or epoch_ms(found.placed_at) != at.at_ms:
        return UNKNOWN_HOLD
    return found


async def get_checks(
    wallets: Wallets, tenant: TenantRef, transaction_id: str
) -> Passed | Refusal | None:
    """Return what hooks said of a transaction, None where none was asked.

    Refusal: `unknown_transaction`.
    """
    named = parse_seq_id("txn", transaction_id)
    if named is None:
        return UNKNOWN_TRANSACTION
    async with wallets.db.begin(tenant.schema, read_only=True) as tx:
        entry = (await entries_at(tx.driver, [named.seq])).get(named.seq)
        # The time in the id tells an entry of this tenant from one of another.
        if entry is None or epoch_ms(entry.at) != named.at_ms:
            return UNKNOWN_TRANSACTION
        return await checks_of(tx.driver, named.seq)


async def get_currency(wallets: Wallets, tenant: TenantRef, code: str) -> Currency | Refusal:
    """Return a currency, or `not_found`."""
    async with wallets.db.begin(tenant.schema, read_only=True) as tx:
        found = (await fetch_rows(tx.driver, CURRENCIES, [code])).get(code)
    return found or Refusal(code="not_found", detail=f"There is no currency {code}.")


async def list_currencies(
    wallets: Wallets, tenant: TenantRef, after: str = "", limit: int = 50
) -> list[Currency]:
    """Return currencies whose code is greater than `after`, in order of code."""
    async with wallets.db.begin(tenant.schema, read_only=True) as tx:
        codes = await currency_codes(tx.driver, after, limit)
        found = await fetch_rows(tx.driver, CURRENCIES, codes)
    return [found[code] for code in codes]
