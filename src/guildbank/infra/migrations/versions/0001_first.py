"""The first schema, as the files beside this one keep it."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, first_statements, frozen_file, run_sql

revision = "0001_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    frozen = frozen_file(revision, plane)
    # Until the first release freezes it, the first schema is what the rooms' metadata says.
    run_sql(op, frozen.read_text(encoding="utf-8") if frozen.exists() else first_statements(plane))
