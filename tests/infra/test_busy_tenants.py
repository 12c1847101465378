"""Idle tenants are passed over, and no tenant that has work ever is."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest

from guildbank.infra import busy_tenants as module
from guildbank.infra.busy_tenants import busy_schemas, busy_tenants
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef

WAITS = "SELECT FROM desk WHERE waits"


def tenant(slug: str, state: Literal["active", "suspended"] = "active") -> TenantRef:
    return TenantRef(id=f"ten_{slug}", slug=slug, schema=f"busy_{slug}", mode="live", state=state)


@pytest.fixture
async def db(cluster_url: str) -> AsyncIterator[Database]:
    """Six schemas with a desk each; work waits on those of two and five."""
    db = Database(cluster_url, pool_size=1)
    async with db.begin("pg_temp") as tx:
        for number in range(6):
            await tx.driver.execute(
                f"CREATE SCHEMA busy_{number}; CREATE TABLE busy_{number}.desk (waits BOOLEAN);"
                f"INSERT INTO busy_{number}.desk VALUES (false), ({number in (2, 5)})"
            )
    yield db
    async with db.begin("pg_temp") as tx:
        for number in range(6):
            await tx.driver.execute(f"DROP SCHEMA busy_{number} CASCADE")
    await db.close()


SCHEMAS = [f"busy_{number}" for number in range(6)]


async def test_those_with_work_are_found_however_many_are_asked_at_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    for at_once in (1, 2, 4, 100):
        monkeypatch.setattr(module, "AT_ONCE", at_once)
        assert await busy_schemas(db, SCHEMAS, WAITS) == {"busy_2", "busy_5"}
    assert await busy_schemas(db, [], WAITS) == set()
    assert await busy_schemas(db, SCHEMAS, "SELECT FROM desk WHERE waits IS NULL") == set()


async def test_suspended_tenants_have_no_work(db: Database):
    tenants = [tenant("0"), tenant("2", "suspended"), tenant("5")]
    assert [one.slug for one in await busy_tenants(db, tenants, WAITS)] == ["5"]


async def test_where_one_cannot_be_asked_all_are_looked_at(db: Database):
    found = await busy_schemas(db, ["busy_0", "busy_gone", "busy_2"], WAITS)
    assert found == {"busy_0", "busy_gone", "busy_2"}
    assert await busy_schemas(db, SCHEMAS, WAITS) == {"busy_2", "busy_5"}
