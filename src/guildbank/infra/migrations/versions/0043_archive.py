"""What is kept of providers' events is their allowed fields; exchanges may be about anything."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0043_archive"
down_revision = "0042_disputes_aside"
branch_labels = None
depends_on = None

# Nothing reads what was sent once it is verified, and it may name anybody.
SQL = """
ALTER TABLE payments_webhook
    ADD COLUMN fields TEXT,
    ALTER COLUMN headers SET DEFAULT '{}',
    ALTER COLUMN body SET DEFAULT '';

UPDATE payments_webhook
SET headers = '{}', body = ''
WHERE body <> ''
   OR headers <> '{}';

CREATE INDEX ix_payments_webhook_fields ON payments_webhook (received_at)
    WHERE fields IS NOT NULL;

ALTER TABLE payments_exchange
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN about TEXT,
    ADD COLUMN player_id TEXT;

CREATE INDEX ix_payments_exchange_about ON payments_exchange (about);

CREATE INDEX ix_payments_exchange_player_id ON payments_exchange (player_id);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
