"""Why a reconciliation was begun, so that those of each day can be found."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0030_reconciliation_origins"
down_revision = "0029_dispute_evidence"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_reconciliation ADD COLUMN origin TEXT NOT NULL DEFAULT 'asked';

CREATE INDEX ix_payments_reconciliation_daily ON payments_reconciliation (since)
WHERE origin = 'daily';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
