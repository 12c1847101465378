"""What the kept proof found, the alarms that were raised, and providers' reports line by line."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0024_proof_and_settlements"
down_revision = "0023_callbacks"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE ledger_proof (
    id SMALLINT NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    checked_seq BIGINT NOT NULL,
    ok BOOLEAN NOT NULL,
    found INTEGER NOT NULL,
    problems TEXT NOT NULL,
    full_at TIMESTAMP WITH TIME ZONE NOT NULL,
    full_seq BIGINT NOT NULL,
    full_millis BIGINT NOT NULL,
    CONSTRAINT pk_ledger_proof PRIMARY KEY (id),
    CONSTRAINT ck_ledger_proof_one_row CHECK (id = 1)
);

CREATE TABLE ledger_alarm (
    name TEXT NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ledger_alarm PRIMARY KEY (name)
);

CREATE TABLE payments_reconciliation (
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    cursor TEXT,
    problem TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_reconciliation PRIMARY KEY (id)
);

CREATE INDEX ix_payments_reconciliation_open ON payments_reconciliation (changed_at)
WHERE state IN ('reading', 'matching');

CREATE TABLE payments_settlement (
    reconciliation_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    transaction TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    money TEXT NOT NULL,
    gross_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    attempt_id TEXT,
    refund_id TEXT,
    reference TEXT,
    payment_reference TEXT,
    payout TEXT,
    state TEXT NOT NULL,
    payment_id TEXT,
    ours_minor BIGINT,
    looked BOOLEAN NOT NULL,
    fee_seq BIGINT,
    CONSTRAINT pk_payments_settlement PRIMARY KEY (reconciliation_id, number),
    CONSTRAINT fk_payments_settlement_reconciliation_id
        FOREIGN KEY (reconciliation_id) REFERENCES payments_reconciliation (id)
);

CREATE INDEX ix_payments_settlement_attempt_id ON payments_settlement (attempt_id);

CREATE INDEX ix_payments_settlement_state
ON payments_settlement (reconciliation_id, state, number);

CREATE UNIQUE INDEX uq_payments_settlement_transaction
ON payments_settlement (reconciliation_id, transaction);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
