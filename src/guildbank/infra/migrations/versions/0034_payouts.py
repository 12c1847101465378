"""What is paid out to players: terms of currencies, destinations, and payouts."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0034_payouts"
down_revision = "0033_operation_checks"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_payout_terms (
    currency TEXT NOT NULL,
    terms TEXT NOT NULL,
    CONSTRAINT pk_payments_payout_terms PRIMARY KEY (currency)
);

CREATE TABLE payments_payout_destination (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed BYTEA,
    added_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_payout_destination PRIMARY KEY (id)
);

CREATE INDEX ix_payments_payout_destination_player_id
ON payments_payout_destination (player_id, id);

CREATE TABLE payments_payout (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    state TEXT NOT NULL,
    currency TEXT NOT NULL,
    coins BIGINT NOT NULL,
    money TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    provider TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    destination BYTEA,
    request TEXT NOT NULL,
    taken_seq BIGINT NOT NULL,
    taken TEXT NOT NULL,
    reference TEXT,
    code TEXT,
    revision INTEGER,
    answers TEXT NOT NULL,
    by TEXT NOT NULL,
    decided_by TEXT,
    sealed_reason BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    paid_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_payments_payout PRIMARY KEY (id),
    CONSTRAINT fk_payments_payout_destination_id
        FOREIGN KEY (destination_id) REFERENCES payments_payout_destination (id)
);

CREATE UNIQUE INDEX uq_payments_payout_reference ON payments_payout (provider, reference);

CREATE INDEX ix_payments_payout_player_id ON payments_payout (player_id, id);

CREATE INDEX ix_payments_payout_open ON payments_payout (changed_at)
WHERE state IN ('waiting', 'requested', 'sending', 'pending', 'unknown');

CREATE INDEX ix_payments_payout_paid ON payments_payout (paid_at)
WHERE state = 'paid';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
