"""Who made the key by which a request was asked: they are no second person to it."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0018_makers_of_requests"
down_revision = "0017_invitations_by_studio"
branch_labels = None
depends_on = None

# Both planes keep approvals alike.
SQL = """
ALTER TABLE approvals_request
ADD COLUMN makers TEXT NOT NULL DEFAULT '';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
    if plane == "control":
        run_sql(op, "CREATE INDEX ix_identity_key_application ON identity_key (application);")
