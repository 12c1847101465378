"""What hooks said of operations that they let pass."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0033_operation_checks"
down_revision = "0032_saved_methods"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE wallets_check (
    seq BIGINT NOT NULL,
    player TEXT NOT NULL,
    purpose TEXT NOT NULL,
    revision INTEGER NOT NULL,
    answers TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_wallets_check PRIMARY KEY (seq, player)
);

CREATE INDEX ix_wallets_check_player ON wallets_check (player);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
