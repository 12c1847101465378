"""Whose account a provider's is, and since when it stays the same: from its first use on."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0044_whose_account"
down_revision = "0043_archive"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_provider
    ADD COLUMN merchant TEXT DEFAULT '[]' NOT NULL,
    ADD COLUMN fixed_as TIMESTAMP WITH TIME ZONE;

UPDATE payments_provider AS account
SET fixed_as = account.changed_at
WHERE EXISTS (SELECT FROM payments_attempt AS one WHERE one.provider = account.id)
   OR EXISTS (SELECT FROM payments_payout AS one WHERE one.provider = account.id)
   OR EXISTS (SELECT FROM payments_customer AS one WHERE one.provider = account.id);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
