"""A schema that older code would harm is not brought forward while older code runs."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from guildbank.app.schema import MigrationFailed, bring_forward, is_current
from guildbank.infra.migrations import head
from guildbank.infra.migrations.steps import alone_after
from guildbank.infra.postgres import Cluster

BEFORE, SUSPENSE = "0041_room_for_coins", "0042_disputes_aside"
SEEN = """
INSERT INTO guildbank.pipelines_process (id, kind, seen_at)
VALUES ('shop-1:77', 'http', now() - $1::interval)
"""


async def sql(url: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def brought(url: str) -> int:
    return await asyncio.to_thread(bring_forward, url, patience_seconds=0.2)


async def stands_at(url: str, revision: str) -> None:
    """Let not all tenants have followed the control schema yet."""
    await sql(url, f"COMMENT ON SCHEMA guildbank IS 'guildbank at revision {revision}'")


@pytest.fixture
async def url(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    url = cluster.create_database(request.node.name[:60])
    await brought(url)
    return url


def test_a_revision_says_that_no_older_code_may_run_beside_it() -> None:
    assert alone_after(BEFORE) == [SUSPENSE]
    assert alone_after(SUSPENSE) == alone_after(head()) == alone_after(None) == []
    assert alone_after("9999_of_a_later_version") == []


async def test_a_process_of_before_bars_what_it_would_harm_and_is_named(url: str) -> None:
    await stands_at(url, BEFORE)
    await sql(url, SEEN, timedelta(seconds=1))
    with pytest.raises(MigrationFailed, match=f"{SUSPENSE} .* stop http shop-1:77, then"):
        await brought(url)
    assert not await is_current(url)
    await sql(url, "DELETE FROM guildbank.pipelines_process")
    assert await brought(url) == 0
    assert await is_current(url)


async def test_one_that_was_killed_bars_nothing_once_it_is_not_seen_any_more(url: str) -> None:
    await stands_at(url, BEFORE)
    await sql(url, SEEN, timedelta(seconds=60))
    await brought(url)
    assert await is_current(url)


async def test_what_runs_may_go_on_beside_all_other_revisions(url: str) -> None:
    await stands_at(url, SUSPENSE)
    await sql(url, SEEN, timedelta(seconds=1))
    await brought(url)
    assert await is_current(url)
