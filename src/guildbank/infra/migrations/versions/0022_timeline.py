"""What happened to a payment: its entries, what its checks said, and who was told when."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0022_timeline"
down_revision = "0021_routes"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_check (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    answers TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_check PRIMARY KEY (id),
    CONSTRAINT fk_payments_check_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_check_payment_id ON payments_check (payment_id);

CREATE TABLE payments_entry (
    payment_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    CONSTRAINT pk_payments_entry PRIMARY KEY (payment_id, seq)
);

ALTER TABLE payments_telling
ADD COLUMN told_at TIMESTAMP WITH TIME ZONE,
ADD COLUMN payment_id TEXT NOT NULL DEFAULT '';

CREATE INDEX ix_payments_telling_payment_id ON payments_telling (payment_id);

CREATE INDEX ix_payments_telling_waiting ON payments_telling (purpose, step, seq)
WHERE told_at IS NULL;

CREATE INDEX ix_payments_telling_told ON payments_telling (told_at)
WHERE told_at IS NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
