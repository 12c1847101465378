"""What providers keep for players: their customers there, and the methods that pay again."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0032_saved_methods"
down_revision = "0031_finishing"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_customer (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    here BOOLEAN NOT NULL,
    sealed BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_customer PRIMARY KEY (id)
);

CREATE INDEX ix_payments_customer_player_id ON payments_customer (player_id, provider);

CREATE INDEX ix_payments_customer_forgetting ON payments_customer (changed_at)
WHERE state = 'forgetting';

CREATE TABLE payments_method (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed BYTEA,
    mark TEXT,
    twin TEXT,
    consented_by TEXT NOT NULL,
    consented_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    code TEXT,
    CONSTRAINT pk_payments_method PRIMARY KEY (id),
    CONSTRAINT fk_payments_method_customer_id
        FOREIGN KEY (customer_id) REFERENCES payments_customer (id),
    CONSTRAINT fk_payments_method_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_method_player_id ON payments_method (player_id, id);

CREATE INDEX ix_payments_method_mark ON payments_method (mark);

CREATE INDEX ix_payments_method_removing ON payments_method (changed_at)
WHERE state = 'removing';

ALTER TABLE payments_attempt
    ADD COLUMN method_id TEXT,
    ADD COLUMN customer_id TEXT,
    ADD COLUMN saves TEXT,
    ADD COLUMN saves_by TEXT;

CREATE INDEX ix_payments_attempt_unnamed ON payments_attempt (changed_at)
WHERE saves = 'asked' AND state = 'captured';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
