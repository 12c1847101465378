"""Commands that wait for a second person, the policy that asks for one, and holds kept for them."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0015_approvals"
down_revision = "0014_books"
branch_labels = None
depends_on = None

# Both planes keep approvals alike.
SQL = """
CREATE TABLE approvals_policy (
    id SMALLINT NOT NULL,
    rules TEXT NOT NULL,
    expires_after_hours INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_approvals_policy PRIMARY KEY (id),
    CONSTRAINT ck_approvals_policy_one_row CHECK (id = 1)
);

CREATE TABLE approvals_request (
    id TEXT NOT NULL,
    verb TEXT NOT NULL,
    permission TEXT NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    player TEXT,
    amounts TEXT NOT NULL,
    rule TEXT NOT NULL,
    command BYTEA NOT NULL,
    same BYTEA,
    hold BIGINT,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    words BYTEA,
    result BIGINT,
    CONSTRAINT pk_approvals_request PRIMARY KEY (id),
    CONSTRAINT ck_approvals_request_state
        CHECK (state IN ('pending', 'executed', 'rejected', 'cancelled', 'expired')),
    CONSTRAINT ck_approvals_request_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);

CREATE INDEX ix_approvals_request_expires_at
    ON approvals_request (expires_at)
    WHERE state = 'pending';

CREATE INDEX ix_approvals_request_requested_by
    ON approvals_request (requested_by)
    WHERE state = 'pending';

CREATE UNIQUE INDEX ix_approvals_request_same
    ON approvals_request (same)
    WHERE state = 'pending';

CREATE INDEX ix_approvals_request_state ON approvals_request (state, id);

CREATE INDEX ix_approvals_request_player
    ON approvals_request (player)
    WHERE player IS NOT NULL;

CREATE TABLE approvals_tally (
    who TEXT NOT NULL,
    verb TEXT NOT NULL,
    asset TEXT NOT NULL,
    slices TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_approvals_tally PRIMARY KEY (who, verb, asset)
) WITH (fillfactor = 70);

CREATE INDEX ix_approvals_tally_changed_at ON approvals_tally (changed_at);
"""

HOLDS = "ALTER TABLE ledger_hold ADD COLUMN kept_for TEXT"


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
    if plane == "tenant":
        run_sql(op, HOLDS)
