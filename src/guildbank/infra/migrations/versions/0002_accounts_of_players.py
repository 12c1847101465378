"""Players' own accounts: names, addresses, passwords, sessions; hosts that lead to a tenant."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, frozen_file, run_sql

revision = "0002_accounts_of_players"
down_revision = "0001_first"
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, frozen_file(revision, plane).read_text(encoding="utf-8"))
