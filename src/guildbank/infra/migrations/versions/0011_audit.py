"""Who changed what from where and why, and a journal of the deployment's own."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, frozen_file, run_sql

revision = "0011_audit"
down_revision = "0010_operators"
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, frozen_file(revision, plane).read_text(encoding="utf-8"))
