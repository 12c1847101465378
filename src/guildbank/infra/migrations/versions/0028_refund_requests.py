"""What players ask back, which of it rules answer, and what becomes of spent coins."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0028_refund_requests"
down_revision = "0027_reports"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_refund_request (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    amount_minor BIGINT,
    money TEXT NOT NULL,
    sealed_text BYTEA,
    sealed_words BYTEA,
    refund_id TEXT,
    decided_by TEXT,
    because TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_payments_refund_request PRIMARY KEY (id),
    CONSTRAINT fk_payments_refund_request_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_refund_request_payment_id ON payments_refund_request (payment_id);

CREATE INDEX ix_payments_refund_request_player_id ON payments_refund_request (player_id, id);

CREATE UNIQUE INDEX uq_payments_refund_request_open ON payments_refund_request (payment_id)
WHERE state = 'open';

CREATE INDEX ix_payments_refund_request_waiting ON payments_refund_request (created_at)
WHERE state = 'open';

CREATE TABLE payments_refund_policy (
    version INTEGER NOT NULL,
    policy TEXT NOT NULL,
    saved_by TEXT NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_refund_policy PRIMARY KEY (version)
);

CREATE TABLE payments_spent_coins (
    currency TEXT NOT NULL,
    policy TEXT,
    providers TEXT NOT NULL,
    CONSTRAINT pk_payments_spent_coins PRIMARY KEY (currency)
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
