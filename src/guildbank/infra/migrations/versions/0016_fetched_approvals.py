"""Approvals that are agreed to, and fetched by who asked: they still wait until then."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0016_fetched_approvals"
down_revision = "0015_approvals"
branch_labels = None
depends_on = None

# Both planes keep approvals alike.
SQL = """
ALTER TABLE approvals_request DROP CONSTRAINT ck_approvals_request_state;

ALTER TABLE approvals_request ADD CONSTRAINT ck_approvals_request_state
    CHECK (state IN ('pending', 'agreed', 'executed', 'rejected', 'cancelled', 'expired'));

DROP INDEX ix_approvals_request_expires_at;

CREATE INDEX ix_approvals_request_expires_at
    ON approvals_request (expires_at)
    WHERE state IN ('pending', 'agreed');

DROP INDEX ix_approvals_request_requested_by;

CREATE INDEX ix_approvals_request_requested_by
    ON approvals_request (requested_by)
    WHERE state IN ('pending', 'agreed');

DROP INDEX ix_approvals_request_same;

CREATE UNIQUE INDEX ix_approvals_request_same
    ON approvals_request (same)
    WHERE state IN ('pending', 'agreed');
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
