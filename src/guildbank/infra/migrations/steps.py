"""How Alembic brings one schema forward.

Its global `op` is one for the process, and tenants are migrated in parallel threads; so a revision
here is a function of its plane and of an `Operations` object that is its own.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from guildbank.infra.migrations.history import FOLDER, VERSION_TABLE, Plane, head


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


def alone_after(before: str | None) -> list[str]:
    """Return the revisions after `before` that no older code may run beside, the first one first.

    Such a revision says `alone = True`. Where there was no schema nothing can run beside; after one
    that is ahead of this code there is none.
    """
    if before is None or before >= head():
        return []
    passed = scripts().iterate_revisions("head", before)
    return [one.revision for one in passed if getattr(one.module, "alone", False)][::-1]
