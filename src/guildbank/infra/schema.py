"""The whole schema of both planes as SQL, collected from the rooms.

A room's tables are SQLAlchemy tables in its `tables.py`. What those cannot say (partitions,
views, seed rows) it registers here from its `ddl.py`, or from `tables.py` when it is short.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from sqlalchemy import Dialect, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from guildbank.infra.database import control_metadata, tenant_metadata


class Ddl(NamedTuple):
    """A statement that runs after all tables exist; `order` is the room's place in the layers."""

    order: int
    room: str
    sql: str


control_ddl: list[Ddl] = []
"""Statements for the control schema."""
tenant_ddl: list[Ddl] = []
"""Statements for each tenant's schema. They name no schema: search_path decides."""


def add_control_ddl(room: str, order: int, *statements: str) -> None:
    """Register statements of a room for the control schema, kept in the order given."""
    control_ddl.extend(Ddl(order, room, sql.strip()) for sql in statements)


def add_tenant_ddl(room: str, order: int, *statements: str) -> None:
    """Register statements of a room for each tenant's schema, kept in the order given."""
    tenant_ddl.extend(Ddl(order, room, sql.strip()) for sql in statements)


@cache
def control_statements() -> tuple[str, ...]:
    """Return the statements that make a new control schema, ready to run in order."""
    collect()
    return tuple(_statements(control_metadata, control_ddl))


@cache
def tenant_statements() -> tuple[str, ...]:
    """Return the statements that make a new tenant's schema, ready to run in order."""
    collect()
    return tuple(_statements(tenant_metadata, tenant_ddl))


@cache
def collect() -> None:
    """Import every room's tables, so that the metadata is whole whoever asks first."""
    import guildbank  # noqa: PLC0415 - the rooms stand above; they are found, not named

    for found in pkgutil.iter_modules(guildbank.__path__):
        if not found.ispkg:
            continue
        for part in ("tables", "ddl"):
            name = f"guildbank.{found.name}.{part}"
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)


def _statements(metadata: MetaData, further: list[Ddl]) -> Iterator[str]:
    # Named parameters, because the default style doubles each percent sign.
    dialect: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        yield _tidy(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _tidy(str(CreateIndex(index).compile(dialect=dialect)))
    for ddl in sorted(further, key=lambda ddl: (ddl.order, ddl.room)):
        yield _tidy(ddl.sql)


def _tidy(sql: str) -> str:
    lines = sql.strip().rstrip(";").replace("\t", "    ").splitlines()
    return "\n".join(line.rstrip() for line in lines)
