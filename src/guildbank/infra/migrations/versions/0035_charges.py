"""Taxes and fees of a payment, fixed when it is made."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0035_charges"
down_revision = "0034_payouts"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_intent
ADD COLUMN charges TEXT;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
