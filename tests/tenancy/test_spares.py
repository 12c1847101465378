"""Tests of all rooms get emptied schemas, which must be as those that are made."""

from tests.house import House
from tests.spares import borrowing, with_spares

from guildbank.infra.database import tenant_metadata
from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.tenancy import Tenancy, TenantRef, create_tenant
from guildbank.wallets import Currency
from guildbank.wallets.usecases.currency import SaveCurrencyAct


async def made(tenancy: Tenancy, slug: str) -> TenantRef:
    tenant = await create_tenant(tenancy, slug, slug.title())
    assert not isinstance(tenant, Refusal), tenant
    return tenant.ref


async def rows(house: House, tenant: TenantRef) -> dict[str, int]:
    """Return how many rows each table of a tenant has."""
    async with house.db.begin(tenant.schema, read_only=True) as tx:
        return {
            table.name: await tx.driver.fetchval(f"SELECT count(*) FROM {table.name}")
            for table in tenant_metadata.sorted_tables
        }


async def test_an_emptied_schema_is_as_one_that_was_made(house: House) -> None:
    tenancy = with_spares(house.tenancy)
    with borrowing():
        first = await made(tenancy, "first-hand")
        gem = SaveCurrencyAct("app", None, Currency(code="GEM", name="Gems"), create=True)
        assert isinstance(await house.journal.submit(first.schema, gem), Receipt)
    new = await made(house.tenancy, "never-used")
    assert await rows(house, first) != await rows(house, new)
    second = await made(tenancy, "second-hand")
    assert await rows(house, second) == await rows(house, new)
    assert await house.tenancy.tenants.by_slug("first-hand") is None
    assert isinstance(await house.journal.submit(second.schema, gem), Receipt)


async def test_a_schema_that_a_test_changed_serves_no_other(house: House) -> None:
    tenancy = with_spares(house.tenancy)
    with borrowing():
        changed = await made(tenancy, "changed")
        async with house.db.begin(changed.schema) as tx:
            await tx.driver.execute("DROP INDEX uq_ledger_transfer_p0_credit")
    other = await made(tenancy, "unchanged")
    async with house.db.begin(other.schema, read_only=True) as tx:
        kept = await tx.driver.fetchval("SELECT to_regclass('uq_ledger_transfer_p0_credit')")
    assert kept is not None
