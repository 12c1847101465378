"""Gives tenants of tests the schemas of tests that are over, emptied.

Making a schema and taking it away costs PostgreSQL more than most tests do: a hundred tables, and a
catalogue that all connections have to read anew. Emptying one costs a hundredth of that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from guildbank.infra.database import CONTROL_SCHEMA, Tx, search_path, tenant_metadata
from guildbank.infra.schema import collect, tenant_ddl
from guildbank.journal import Driver
from guildbank.tenancy import Tenancy, TenantRef
from guildbank.tenancy.store import entomb

SHAPE = """
SELECT relname, relkind, relnatts, relchecks, relhastriggers
FROM pg_class
WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
"""
OWNER = "SELECT id, slug, schema, mode, state FROM tenancy_tenant WHERE schema = $1"

Shape = frozenset[tuple[object, ...]]
_borrowed: list[tuple[list[str], str]] = []
"""Each schema that the running test made, with the spares of its database."""


@contextmanager
def borrowing() -> Iterator[None]:
    """A test, whose tenants nobody needs afterwards. Those of fixtures that outlive it are made
    before, and stay.
    """
    _borrowed.clear()
    yield
    give_back()


def give_back() -> None:
    """Free what the running test made so far: nobody needs those tenants any more."""
    for free, schema in _borrowed:
        free.append(schema)
    _borrowed.clear()


class Spares:
    """The schemas of one database that are free, for `tenancy`.

    To the deployment a tenant whose schema is used again has been deleted.
    """

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy
        self._free: list[str] = []
        self._shape: Shape = frozenset()

    async def make(self, tx: Tx, schema: str) -> None:
        """Make the schema, by a transaction on the control schema."""
        old = self._free.pop() if self._free else None
        if old is None or not await self._take_over(tx, old, schema):
            await self._tenancy.make_schema(tx, schema)
            self._shape = self._shape or await shape_of(tx.driver, schema)
        _borrowed.append((self._free, schema))

    async def _take_over(self, tx: Tx, old: str, schema: str) -> bool:
        """Make a schema of another; say whether that could be done."""
        row = await tx.driver.fetchrow(OWNER, old)
        if row is None or await shape_of(tx.driver, old) != self._shape:
            return False
        renamed = f'ALTER SCHEMA "{old}" RENAME TO "{schema}"'
        await tx.driver.execute(f"{emptying(old)};{renamed};{search_path(CONTROL_SCHEMA)}")
        gone = TenantRef(**row)
        await entomb(tx, gone.id)
        self._tenancy.tenants.forget(gone)
        return True


def with_spares(tenancy: Tenancy) -> Tenancy:
    """Return the same parts of tenancy, whose tenants get spare schemas."""
    return replace(tenancy, make_schema=Spares(tenancy).make)


async def shape_of(driver: Driver, schema: str) -> Shape:
    """Return what a schema consists of: one that a test changed serves no other."""
    return frozenset(tuple(row) for row in await driver.fetch(SHAPE, schema))


def emptying(schema: str) -> str:
    """Return what makes a schema as it was when it was new, in one message of its transaction.

    What a test left running has ended once the locks are granted, or finds no such schema later.
    """
    return f"{search_path(schema)};{_emptying()}"


@cache
def _emptying() -> str:
    collect()
    # Each before those that its foreign keys name.
    tables = [table.name for table in reversed(tenant_metadata.sorted_tables)]
    deleted = (f"DELETE FROM {name}" for name in tables)
    seeds = (one.sql for one in tenant_ddl if one.sql.startswith("INSERT"))
    locked = f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE"
    return ";\n".join((locked, *deleted, *seeds))
