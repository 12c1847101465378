"""Other rooms see which holds wait with an approval: those are no spending yet."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0019_kept_holds_seen"
down_revision = "0018_makers_of_requests"
branch_labels = None
depends_on = None

SQL = """
CREATE OR REPLACE VIEW ledger_v_hold AS
SELECT seq, placed_at, owner, asset, amount, captured, released, state, expires_at, kept_for
FROM ledger_hold;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
