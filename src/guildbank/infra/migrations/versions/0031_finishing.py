"""What a store is yet to be told of purchases that are credited."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0031_finishing"
down_revision = "0030_reconciliation_origins"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_attempt ADD COLUMN finish TEXT;

CREATE INDEX ix_payments_attempt_to_finish ON payments_attempt (changed_at)
WHERE finish = 'due';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
