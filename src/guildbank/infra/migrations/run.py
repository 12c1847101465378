"""Migrate a deployment: the control schema first, then its tenants, several at a time."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.migrations.history import VERSION_TABLE, Plane, head, lock_name
from guildbank.infra.migrations.steps import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

# A tenant's schema is one that bears the version table; nothing else in the database is ours.
LIST_TENANT_SCHEMAS = """
SELECT nspname
FROM pg_namespace
JOIN pg_class ON pg_class.relnamespace = pg_namespace.oid
WHERE nspname LIKE 't\\_%'
  AND pg_class.relname = :version_table
ORDER BY nspname
"""


class Migrated(msgspec.Struct, frozen=True):
    """What became of one schema; `error` says why it stayed at `before`."""

    schema: str
    before: str | None
    after: str | None
    seconds: float
    error: str | None = None


Report = Callable[[Migrated, int, int], None]
"""Called after each schema with the result, how many are done, and how many there are."""


def migrate(
    url: str,
    *,
    parallel: int = 4,
    report: Report = lambda _result, _done, _total: None,
) -> list[Migrated]:
    """Bring every schema to the head and return what became of each, the control schema first.

    Each schema is one transaction under an advisory lock of its own, so that two runs beside
    each other do no harm and a run that was cut off is simply repeated. A tenant that fails
    does not stop the others; when the control schema fails, no tenant is touched.
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
        connect_args={"application_name": "guildbank migrate"},
    )
    try:
        control = _migrate_schema(engine, "control", CONTROL_SCHEMA)
        tenants = [] if control.error else _tenant_schemas(engine)
        total = 1 + len(tenants)
        report(control, 1, total)
        done = [control]
        with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="migrate") as pool:
            running = [pool.submit(_migrate_schema, engine, "tenant", name) for name in tenants]
            for finished in as_completed(running):
                done.append(finished.result())
                report(done[-1], len(done), total)
        return done
    finally:
        engine.dispose()


def _tenant_schemas(engine: Engine) -> Sequence[str]:
    with engine.connect() as connection:
        rows = connection.execute(text(LIST_TENANT_SCHEMAS), {"version_table": VERSION_TABLE})
        return list(rows.scalars())


def _migrate_schema(engine: Engine, plane: Plane, schema: str) -> Migrated:
    started = time.monotonic()
    try:
        with _locked(engine, schema) as connection:
            if plane == "control":
                connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
            before = upgrade(connection, plane)
    except (SQLAlchemyError, CommandError) as error:
        reason = " ".join(str(error).split())[:500]
        return Migrated(schema, None, None, time.monotonic() - started, reason)
    return Migrated(schema, before, head(), time.monotonic() - started)


@contextmanager
def _locked(engine: Engine, schema: str) -> "Iterator[Connection]":
    """Open a transaction that sees the schema and waits for its turn to migrate it."""
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": lock_name(schema)},
        )
        # A table lock is waited for a while only: behind it every later statement would queue.
        connection.execute(text("SET LOCAL lock_timeout TO '10s'"))
        connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
        yield connection
