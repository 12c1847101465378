"""Invitations that are accepted by the studio's sign-in, and who keeps the roles of theirs."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0017_invitations_by_studio"
down_revision = "0016_fetched_approvals"
branch_labels = None
depends_on = None

# Both planes keep operators alike.
SQL = """
ALTER TABLE identity_operator_invitation
ADD COLUMN comes_in_by TEXT NOT NULL DEFAULT 'password';

ALTER TABLE identity_operator_invitation
ADD CONSTRAINT ck_identity_operator_invitation_comes_in_by
    CHECK (comes_in_by IN ('password', 'studio'));

ALTER TABLE identity_operator_link
ADD COLUMN invited BOOLEAN NOT NULL DEFAULT false;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
