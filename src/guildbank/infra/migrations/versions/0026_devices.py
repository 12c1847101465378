"""On which device a payment was begun, by a keyed hash, so that gates see who shares one."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0026_devices"
down_revision = "0025_exchanges"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_intent
ADD COLUMN device TEXT;

CREATE INDEX ix_payments_intent_device ON payments_intent (device, id)
WHERE device IS NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
