"""Who made a key, and which attempt a provider's event is about."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0014_books"
down_revision = "0013_credentials_of_players"
branch_labels = None
depends_on = None

CONTROL = """
ALTER TABLE identity_key
ADD COLUMN created_by TEXT;
"""

# What is kept from before is found once, by the references that its event bears.
TENANT = """
ALTER TABLE payments_webhook
ADD COLUMN attempt_id TEXT;

UPDATE payments_webhook
SET attempt_id = attempt.id
FROM payments_attempt AS attempt
WHERE attempt.id = payments_webhook.event::jsonb ->> 'attempt_id'
  AND attempt.provider = payments_webhook.provider;

UPDATE payments_webhook
SET attempt_id = attempt.id
FROM payments_attempt AS attempt
WHERE payments_webhook.attempt_id IS NULL
  AND attempt.provider = payments_webhook.provider
  AND attempt.reference = payments_webhook.event::jsonb ->> 'payment_reference';

CREATE INDEX ix_payments_webhook_attempt_id
    ON payments_webhook (attempt_id);

CREATE INDEX ix_payments_webhook_kept
    ON payments_webhook (received_at)
    WHERE body <> '';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, CONTROL if plane == "control" else TENANT)
