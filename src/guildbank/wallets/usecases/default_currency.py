"""Find the currency that a tenant's account pages are about."""

from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.journal import fetch_rows
from guildbank.kernel import Refusal
from guildbank.tenancy import Tenants
from guildbank.wallets.contracts import Currency
from guildbank.wallets.purses import CURRENCIES, currency_codes

NO_DEFAULT = Refusal(
    code="no_default_currency",
    detail=(
        "The tenant has several currencies, or none, and no default among them. The studio sets "
        "one as defaultCurrency among the tenant's settings."
    ),
)


async def default_currency(db: Database, tenants: Tenants, tenant: TenantRef) -> Currency | Refusal:
    """Return the currency of the tenant's settings, or its only one; `no_default_currency`."""
    settings = await tenants.settings(tenant.id)
    named = None if settings is None else settings.default_currency
    async with db.begin(tenant.schema, read_only=True) as tx:
        codes = [named] if named else await currency_codes(tx.driver, "", 2)
        found = list((await fetch_rows(tx.driver, CURRENCIES, codes)).values())
    return found[0] if len(found) == 1 else NO_DEFAULT
