"""The first schema, as the files beside this one keep it."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, frozen_file, run_sql

revision = "0001_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, frozen_file(revision, plane).read_text(encoding="utf-8"))
