"""The revisions of Alembic, and how one of them brings one schema forward.

Alembic's global `op` is one for the process, and tenants are migrated in parallel threads; so a
revision here is a function of its plane and of an `Operations` object that is its own.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from guildbank.infra.schema import control_statements, tenant_statements

Plane: TypeAlias = Literal["control", "tenant"]
FOLDER = Path(__file__).parent
VERSIONS = FOLDER / "versions"
VERSION_TABLE = "alembic_version"

# What Alembic makes for itself in a migrated schema; a schema made from metadata needs the same.
CREATE_VERSION_TABLE = f"""
CREATE TABLE {VERSION_TABLE} (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num)
)
""".strip()


def config() -> Config:
    """Return Alembic's configuration, which needs no file and no database address."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.set_main_option("path_separator", "os")
    settings.set_main_option("file_template", "%%(rev)s")
    return settings


@cache
def scripts() -> ScriptDirectory:
    """Return the history, read once."""
    return ScriptDirectory.from_config(config())


@cache
def head() -> str:
    """Return the revision that this code needs."""
    newest = scripts().get_current_head()
    if newest is None:
        raise LookupError("the history of the schema is empty")
    return newest


def lock_name(schema: str) -> str:
    """Return the text whose hash is the advisory lock of a schema's migration."""
    return f"guildbank migrate {schema}"


def upgrade(connection: Connection, plane: Plane) -> str | None:
    """Bring the schema of the connection's search_path to the head; returns where it stood.

    Runs in the caller's transaction. A schema that is ahead of this code raises CommandError.
    """
    before: list[str | None] = [None]

    def steps(revision: Any, _context: MigrationContext) -> Iterable[Any]:
        before[0] = revision[0] if revision else None
        return scripts()._upgrade_revs("head", revision)

    context = MigrationContext.configure(
        connection, opts={"fn": steps, "version_table": VERSION_TABLE}
    )
    context.run_migrations(plane=plane, op=Operations(context))
    return before[0]


def run_sql(op: Operations, sql: str) -> None:
    """Run a script of statements verbatim: neither colons nor percent signs mean anything."""
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})


def frozen_file(revision: str, plane: Plane) -> Path:
    """Return the file in which a revision keeps its statements for a plane."""
    return VERSIONS / f"{revision}.{plane}.sql"


def first_statements(plane: Plane) -> str:
    """Return today's whole schema of a plane as a script, from the rooms' metadata."""
    statements = control_statements() if plane == "control" else tenant_statements()
    return "".join(f"{statement};\n\n" for statement in statements)
