"""What the proof that is kept continuously found, and the alarms that were raised."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0025_kept_proof"
down_revision = "0023_callbacks"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE ledger_proof (
    id SMALLINT NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    checked_seq BIGINT NOT NULL,
    ok BOOLEAN NOT NULL,
    found INTEGER NOT NULL,
    problems TEXT NOT NULL,
    full_at TIMESTAMP WITH TIME ZONE NOT NULL,
    full_seq BIGINT NOT NULL,
    full_millis BIGINT NOT NULL,
    CONSTRAINT pk_ledger_proof PRIMARY KEY (id),
    CONSTRAINT ck_ledger_proof_one_row CHECK (id = 1)
);

CREATE TABLE ledger_alarm (
    name TEXT NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ledger_alarm PRIMARY KEY (name)
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
