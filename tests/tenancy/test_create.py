"""A tenant is there at once and whole, or not at all."""

import pytest
from tests.house import House

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantSettings, create_tenant, get_tenant, list_tenants


async def test_a_new_tenant_takes_writes_at_once(house: House) -> None:
    ref = await house.tenant("moonlit")
    assert ref.id.startswith("ten_")
    assert (ref.slug, ref.schema, ref.mode, ref.state) == ("moonlit", "t_moonlit", "test", "active")
    assert await house.tenancy.tenants.by_slug("moonlit") == ref
    assert await house.tenancy.tenants.by_id(ref.id) == ref
    async with house.db.begin(ref.schema) as tx:
        assert await tx.driver.fetchval("SELECT hash FROM journal_batch") == bytes(32)
        assert await tx.driver.fetchval("SELECT writable FROM journal_state")
        assert await tx.driver.fetchval("SELECT count(*) FROM journal_lock") == 1


async def test_settings_and_mode_are_kept(house: House) -> None:
    wanted = TenantSettings(spent_coins="debt")
    made = await create_tenant(house.tenancy, "lender", "Lender", "live", wanted)
    assert not isinstance(made, Refusal)
    assert made.ref.mode == "live"
    assert await house.tenancy.tenants.settings(made.ref.id) == wanted
    assert await get_tenant(house.tenancy, "lender") == made


@pytest.mark.parametrize(
    "slug",
    [
        "a",
        "A",
        "9lives",
        "-a",
        "a-",
        "a--b",
        "a_b",
        "a.b",
        "ä1",
        "a" * 41,
        "",
        "ab\n",
        't"x',
        "a b",
    ],
)
async def test_a_slug_that_is_no_host_name_is_refused(house: House, slug: str) -> None:
    refused = await create_tenant(house.tenancy, slug, "x")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_value", "slug")


@pytest.mark.parametrize("slug", ["www", "api", "admin", "guildbank"])
async def test_a_reserved_slug_is_refused(house: House, slug: str) -> None:
    refused = await create_tenant(house.tenancy, slug, "x")
    assert isinstance(refused, Refusal)
    assert refused.code == "slug_reserved"


async def test_a_slug_in_use_is_refused_and_harms_nobody(house: House) -> None:
    ref = await house.tenant("first-come")
    refused = await create_tenant(house.tenancy, "first-come", "x")
    assert isinstance(refused, Refusal)
    assert refused.code == "slug_taken"
    assert await house.tenancy.tenants.by_slug("first-come") == ref


async def test_a_schema_that_is_no_tenant_is_left_alone(house: House) -> None:
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute("CREATE SCHEMA t_squatter; CREATE TABLE t_squatter.kept ()")
    refused = await create_tenant(house.tenancy, "squatter", "x")
    assert isinstance(refused, Refusal)
    assert refused.code == "slug_taken"
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        assert await tx.driver.fetchval("SELECT to_regclass('t_squatter.kept') IS NOT NULL")
        await tx.driver.execute("DROP SCHEMA t_squatter CASCADE")
    assert not isinstance(await create_tenant(house.tenancy, "squatter", "x"), Refusal)


async def test_no_tenant_is_made_while_the_schema_has_another_version(house: House) -> None:
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute("UPDATE alembic_version SET version_num = '9999' || version_num")
    try:
        refused = await create_tenant(house.tenancy, "too-early", "x")
    finally:
        async with house.db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute(
                "UPDATE alembic_version SET version_num = substr(version_num, 5)"
            )
    assert isinstance(refused, Refusal)
    assert refused.code == "migration_pending"
    assert await house.tenancy.tenants.by_slug("too-early") is None


async def test_tenants_are_listed_page_by_page(house: House) -> None:
    for slug in ("zz-a", "zz-b", "zz-c"):
        await house.tenant(slug)
    first = await list_tenants(house.tenancy, "zz", 2)
    assert [tenant.ref.slug for tenant in first] == ["zz-a", "zz-b"]
    rest = await list_tenants(house.tenancy, "zz-b", 2)
    assert [tenant.ref.slug for tenant in rest] == ["zz-c"]
    assert {"zz-a", "zz-b", "zz-c"} <= {ref.slug for ref in await house.tenancy.tenants.all()}
