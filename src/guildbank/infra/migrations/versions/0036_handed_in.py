"""What buyers handed in for an operator to look at."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0036_handed_in"
down_revision = "0035_charges"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_handed_in (
    attempt_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_payments_handed_in PRIMARY KEY (attempt_id),
    CONSTRAINT fk_payments_handed_in_attempt_id
        FOREIGN KEY (attempt_id) REFERENCES payments_attempt (id),
    CONSTRAINT fk_payments_handed_in_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_handed_in_payment_id ON payments_handed_in (payment_id);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
