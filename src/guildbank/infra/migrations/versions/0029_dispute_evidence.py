"""Until when disputes are to be answered, and what was handed in for them."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0029_dispute_evidence"
down_revision = "0028_refund_requests"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_dispute
    ADD COLUMN answer_by TIMESTAMP WITH TIME ZONE,
    ADD COLUMN evidence_id TEXT,
    ADD COLUMN evidence_state TEXT,
    ADD COLUMN evidence_by TEXT,
    ADD COLUMN evidence_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN evidence_code TEXT,
    ADD COLUMN sealed_evidence BYTEA;

CREATE INDEX ix_payments_dispute_to_answer ON payments_dispute (answer_by)
WHERE state IN ('early_warning', 'needs_response');

CREATE INDEX ix_payments_dispute_answering ON payments_dispute (evidence_at)
WHERE evidence_state IN ('sending', 'unknown');
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
