"""Make a new tenant's schema in one round trip, at the same place as a migrated one."""

from functools import cache

from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.infra.migrations.history import (
    CREATE_VERSION_TABLE,
    VERSION_TABLE,
    first_statements,
    head,
    lock_name,
)

# Shared, against the exclusive lock of a running migration: its list of tenants must be whole.
LOCK_SCHEMA = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"

READ_VERSION = f"""
SELECT version_num
FROM {VERSION_TABLE}
"""  # noqa: S608 - a constant


class SchemaOutdated(Exception):
    """The control schema is at another revision than this code; a tenant made now would differ."""


async def create_tenant_schema(tx: Tx, schema: str) -> None:
    """Create `schema` whole in a transaction on the control schema; raises SchemaOutdated.

    Call `tenant_script` before the transaction begins: one that is idle for long is ended.
    """
    await tx.driver.execute(LOCK_SCHEMA, lock_name(CONTROL_SCHEMA))
    version = await tx.driver.fetchval(READ_VERSION)
    if version != head():
        raise SchemaOutdated(f"the control schema is at {version}, this server needs {head()}")
    await tx.driver.execute(
        f'CREATE SCHEMA "{schema}"; SET LOCAL search_path TO "{schema}";\n'
        + tenant_script()
        + f'SET LOCAL search_path TO "{CONTROL_SCHEMA}"'
    )


@cache
def tenant_script() -> str:
    """Return the statements of a tenant's schema at the head, compiled once a process.

    That takes a second of a thread's time, and several on a busy machine.
    """
    stamp = f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{head()}')"  # noqa: S608
    return first_statements("tenant") + f"{CREATE_VERSION_TABLE};\n\n{stamp};\n\n"
