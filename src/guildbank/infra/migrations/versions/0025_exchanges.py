"""What providers, plugins and callers exchanged about payments."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0025_exchanges"
down_revision = "0024_proof_and_settlements"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_exchange (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_payments_exchange PRIMARY KEY (id),
    CONSTRAINT fk_payments_exchange_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_exchange_payment_id ON payments_exchange (payment_id);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
