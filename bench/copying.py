"""The ceiling: COPY of the very rows that the journal wrote, in transactions of the same size.

The tables are copies of the tenant's, with the same partitions and indexes and the same rows at
the start, so that both sides insert the same rows into trees of the same depth. Where the journal
updates an account's totals, the ceiling copies them as a new row, so the unique indexes of that
one table are plain ones. Nothing is decided, locked, read or hashed.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

from bench.town import Town
from guildbank.infra.database import begin_statement

SCHEMA = "bench_copy"
TABLES = ("journal_entry", "journal_key", "ledger_transfer", "journal_batch", "ledger_account")
Rows = Sequence[tuple[Any, ...]]


class Batch(NamedTuple):
    """The rows of one commit, in the order of TABLES."""

    rows: tuple[Rows, ...]


async def make_ceiling(town: Town) -> None:
    """Copy the tenant's tables, partition by partition, with their indexes and rows."""
    async with town.services.db.connect() as tx:
        driver = tx.driver
        await driver.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
        await driver.execute(f"SET search_path TO {SCHEMA}")
        for table in TABLES:
            await driver.execute(await _definition(driver, town.schema, table))
            await driver.execute(f"INSERT INTO {table} SELECT * FROM {town.schema}.{table}")
        await driver.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")
        await driver.execute("RESET search_path")


async def _definition(driver: Any, schema: str, table: str) -> str:
    """Return the statements that make a table as it stands in `schema`."""
    source = f"{schema}.{table}"
    if table == "ledger_account":
        return (
            f"CREATE TABLE {table} (LIKE {source}) WITH (fillfactor = 60);"
            f"CREATE INDEX ON {table} (id); CREATE INDEX ON {table} (owner, asset, bucket)"
        )
    key = await driver.fetchval(
        "SELECT pg_get_partkeydef(c.oid) FROM pg_class AS c WHERE c.oid = $1::regclass", source
    )
    if key is None:
        return f"CREATE TABLE {table} (LIKE {source} INCLUDING ALL)"
    parts = await driver.fetch(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i "
        "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass",
        source,
    )
    return ";".join(
        [
            f"CREATE TABLE {table} (LIKE {source} INCLUDING ALL) PARTITION BY {key}",
            *(
                f"CREATE TABLE {name} (LIKE {schema}.{name} INCLUDING ALL);"
                f"ALTER TABLE {table} ATTACH PARTITION {name} {bound}"
                for name, bound in parts
            ),
        ]
    )


async def read_batches(town: Town, after: int) -> list[Batch]:
    """Return what the journal wrote after `after`, one Batch for each of its commits."""
    async with town.services.db.begin(town.schema, read_only=True) as tx:
        fetch = tx.driver.fetch
        heads = await fetch("SELECT * FROM journal_batch WHERE last_seq > $1 ORDER BY 1", after)
        entries = await fetch("SELECT * FROM journal_entry WHERE seq > $1 ORDER BY seq", after)
        transfers = await fetch(
            "SELECT * FROM ledger_transfer WHERE seq > $1 ORDER BY seq, leg", after
        )
        accounts = {
            row["id"]: tuple(row)
            for row in await fetch(
                "SELECT * FROM ledger_account WHERE floor IS NOT NULL AND id IN "
                "(SELECT debit FROM ledger_transfer WHERE seq > $1)",
                after,
            )
        }
    batches = []
    for head in heads:
        first, last = head["first_seq"], head["last_seq"]
        made = [tuple(row) for row in entries if first <= row["seq"] <= last]
        moved = [row for row in transfers if first <= row["seq"] <= last]
        keys = [(row[3], row[0]) for row in made if row[3] is not None]
        touched = [accounts[one] for one in dict.fromkeys(row["debit"] for row in moved)]
        rows = (made, keys, [tuple(row) for row in moved], [tuple(head)], touched)
        batches.append(Batch(rows))
        del entries[: len(made)], transfers[: len(moved)]
    return batches


async def copy_batches(town: Town, batches: Sequence[Batch]) -> float:
    """COPY the batches, a transaction each, on one connection; return the seconds."""
    columns = [await _columns(town, table) for table in TABLES]
    async with town.services.db.connect() as tx:
        driver, begin = tx.driver, begin_statement(SCHEMA)
        began = perf_counter()
        for batch in batches:
            await driver.execute(begin)
            for table, names, rows in zip(TABLES, columns, batch.rows, strict=True):
                await driver.copy_records_to_table(
                    table, records=rows, columns=names, schema_name=SCHEMA
                )
            await driver.execute("COMMIT")
        return perf_counter() - began


async def _columns(town: Town, table: str) -> list[str]:
    async with town.services.db.connect() as tx:
        rows = await tx.driver.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 "
            "AND NOT attisdropped ORDER BY attnum",
            f"{SCHEMA}.{table}",
        )
    return [row[0] for row in rows]
