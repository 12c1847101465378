"""What callback steps answered, why they were not reached, and which are disabled."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0023_callbacks"
down_revision = "0022_timeline"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_telling
ADD COLUMN answer TEXT,
ADD COLUMN problem TEXT;

CREATE TABLE payments_callback (
    purpose TEXT NOT NULL,
    step TEXT NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_payments_callback PRIMARY KEY (purpose, step)
);

INSERT INTO payments_callback (purpose, step)
SELECT DISTINCT purpose, step
FROM payments_telling;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
