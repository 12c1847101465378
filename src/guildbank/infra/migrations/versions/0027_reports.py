"""How far the reports of providers without webhooks are read."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0027_reports"
down_revision = "0026_devices"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_report (
    provider TEXT NOT NULL,
    cursor TEXT,
    problem TEXT,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_report PRIMARY KEY (provider)
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
