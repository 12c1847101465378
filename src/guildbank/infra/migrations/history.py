"""The revisions of the schema: which is the newest, and what is written in them.

What only makes schemas needs no migration tool, which takes long to load.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from guildbank.infra.schema import control_statements, tenant_statements

if TYPE_CHECKING:
    from alembic.operations import Operations

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


@cache
def head() -> str:
    """Return the revision that this code needs: the files' names count them."""
    return max(path.stem for path in VERSIONS.glob("[0-9]*.py"))


def lock_name(schema: str) -> str:
    """Return the text whose hash is the advisory lock of a schema's migration."""
    return f"guildbank migrate {schema}"


def run_sql(op: "Operations", sql: str) -> None:
    """Run a script of statements verbatim: neither colons nor percent signs mean anything."""
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})


def frozen_file(revision: str, plane: Plane) -> Path:
    """Return the file in which a revision keeps its statements for a plane."""
    return VERSIONS / f"{revision}.{plane}.sql"


def first_statements(plane: Plane) -> str:
    """Return today's whole schema of a plane as a script, from the rooms' metadata."""
    statements = control_statements() if plane == "control" else tenant_statements()
    return "".join(f"{statement};\n\n" for statement in statements)
