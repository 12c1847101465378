"""A tenant made from metadata and one brought there by the history are the same."""

import asyncio
from pathlib import Path
from typing import get_args

import asyncpg
import pytest

from guildbank.app.schema import newest_revision
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.migrations import create_tenant_schema, head, tenant_script
from guildbank.infra.migrations.history import VERSIONS, Plane, first_statements
from guildbank.infra.migrations.run import migrate
from guildbank.infra.migrations.steps import scripts
from guildbank.infra.postgres import Cluster
from guildbank.infra.schema import control_statements, tenant_statements

# Everything that PostgreSQL knows of a schema's relations, without the schema's own name.
COLUMNS = """
SELECT table_name, ordinal_position, column_name, data_type, udt_name, is_nullable,
       column_default, character_maximum_length, is_identity, is_generated
FROM information_schema.columns
WHERE table_schema = $1
"""
INDEXES = """
SELECT tablename, indexname, replace(indexdef, $1 || '.', '')
FROM pg_indexes
WHERE schemaname = $1
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(pg_constraint.oid)
FROM pg_constraint
WHERE connamespace = to_regnamespace($1)
"""
RELATIONS = """
SELECT relname, relkind, relpersistence, reloptions,
       pg_get_expr(relpartbound, pg_class.oid), pg_get_partkeydef(pg_class.oid)
FROM pg_class
WHERE relnamespace = to_regnamespace($1)
"""
VIEWS = """
SELECT viewname, replace(definition, $1 || '.', '')
FROM pg_views
WHERE schemaname = $1
"""
TRIGGERS = """
SELECT tgrelid::regclass::text, tgname, tgenabled
FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = to_regnamespace($1)
  AND NOT tgisinternal
"""
# Rows that a new schema begins with; a journal's first batch has the time of its making.
SEEDED = ("journal_lock", "journal_state", "journal_batch", "alembic_version")


async def described(url: str, schema: str) -> dict[str, list[str]]:
    """Return a sorted description of all that a schema holds."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'SET search_path TO "{schema}"')
        found = {}
        for name, query in (
            ("columns", COLUMNS),
            ("indexes", INDEXES),
            ("constraints", CONSTRAINTS),
            ("relations", RELATIONS),
            ("views", VIEWS),
            ("triggers", TRIGGERS),
        ):
            rows = await connection.fetch(query, schema)
            found[name] = sorted(repr(tuple(row)) for row in rows)
        for table in SEEDED:
            rows = await connection.fetch(f"SELECT * FROM {table}")
            found[table] = sorted(
                repr({key: value for key, value in row.items() if key != "written_at"})
                for row in rows
            )
        return found
    finally:
        await connection.close()


async def make_migrated(url: str, schema: str) -> None:
    """Make an empty schema that the history takes for a tenant which is far behind."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            f'CREATE SCHEMA "{schema}"; '
            f'CREATE TABLE "{schema}".alembic_version (version_num VARCHAR(32) NOT NULL, '
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    finally:
        await connection.close()


async def make_from_metadata(url: str, *schemas: str) -> None:
    tenant_script()
    db = Database(url, pool_size=2)
    try:
        for schema in schemas:
            async with db.begin(CONTROL_SCHEMA) as tx:
                await create_tenant_schema(tx, schema)
    finally:
        await db.close()


async def run(url: str) -> dict[str, str | None]:
    """Migrate and return the error of each schema."""
    results = await asyncio.to_thread(migrate, url)
    return {result.schema: result.error for result in results}


async def test_a_tenant_made_from_metadata_equals_a_migrated_one(cluster: Cluster) -> None:
    url = cluster.create_database("test_equal")
    await run(url)
    await make_from_metadata(url, "t_made")
    await make_migrated(url, "t_migrated")
    assert await run(url) == {CONTROL_SCHEMA: None, "t_made": None, "t_migrated": None}
    made, migrated = await described(url, "t_made"), await described(url, "t_migrated")
    for kind in made:
        assert made[kind] == migrated[kind], kind
    # The comparison has something to compare.
    assert made["journal_batch"]
    assert made["views"]
    assert any("journal_key_p7" in row for row in made["relations"])


async def test_many_tenants_are_migrated_beside_each_other(cluster: Cluster) -> None:
    url = cluster.create_database("test_many")
    await run(url)
    names = [f"t_n{number}" for number in range(12)]
    for name in names:
        await make_migrated(url, name)
    reports: list[tuple[str, int, int]] = []
    await asyncio.to_thread(
        migrate,
        url,
        parallel=4,
        report=lambda result, done, total: reports.append((result.schema, done, total)),
    )
    assert [done for _, done, _ in reports] == list(range(1, 14))
    assert {total for _, _, total in reports} == {13}
    assert {schema for schema, _, _ in reports} == {CONTROL_SCHEMA, *names}
    first = await described(url, "t_n0")
    assert all([await described(url, name) == first for name in names])


async def test_two_migrations_at_once_do_no_harm(cluster: Cluster) -> None:
    url = cluster.create_database("test_at_once")
    await run(url)
    for number in range(4):
        await make_migrated(url, f"t_n{number}")
    both = await asyncio.gather(run(url), run(url))
    assert [set(outcome.values()) for outcome in both] == [{None}, {None}]


async def test_a_tenant_that_fails_is_named_stays_whole_and_stops_no_other(
    cluster: Cluster,
) -> None:
    url = cluster.create_database("test_failing")
    await run(url)
    for name in ("t_good", "t_bad", "t_fine"):
        await make_migrated(url, name)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE t_bad.journal_state ()")
    outcome = await run(url)
    assert outcome["t_good"] is None
    assert outcome["t_fine"] is None
    assert "journal_state" in (outcome["t_bad"] or "")
    left = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 't_bad'")
    assert {row["tablename"] for row in left} == {"alembic_version", "journal_state"}
    # What was in the way is gone: the same command goes on where it stopped.
    await connection.execute("DROP TABLE t_bad.journal_state")
    await connection.close()
    assert set((await run(url)).values()) == {None}
    assert await described(url, "t_bad") == await described(url, "t_good")


async def test_schemas_that_are_not_tenants_are_left_alone(cluster: Cluster) -> None:
    url = cluster.create_database("test_foreign")
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA t_foreign; CREATE TABLE t_foreign.kept (id int)")
    await connection.close()
    assert set(await run(url)) == {CONTROL_SCHEMA}


async def test_an_unreachable_database_is_an_error_that_says_so(tmp_path: Path) -> None:
    outcome = await run(f"postgresql://nobody@/nothing?host={tmp_path}")
    assert set(outcome) == {CONTROL_SCHEMA}
    assert "connection" in (outcome[CONTROL_SCHEMA] or "")


def test_every_revision_stands_in_one_line() -> None:
    assert scripts().get_heads() == [head()]
    assert newest_revision() == head()
    for path in VERSIONS.glob("*.py"):
        assert path.stem[:4].isdigit(), path


@pytest.mark.parametrize("plane", get_args(Plane))
def test_the_script_to_freeze_holds_every_statement_in_order(plane: Plane) -> None:
    script = first_statements(plane)
    at = 0
    for statement in control_statements() if plane == "control" else tenant_statements():
        at = script.index(f"{statement};\n", at) + len(statement)
    assert at
