"""Why an attempt went to its provider, and where a payment was begun."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0021_routes"
down_revision = "0020_pipelines"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_intent
ADD COLUMN platform TEXT,
ADD COLUMN because TEXT NOT NULL DEFAULT '{}';

ALTER TABLE payments_attempt
ADD COLUMN because TEXT NOT NULL DEFAULT '{}';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
