"""What callback steps answered is sealed under the key of whose payment it was about."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0045_told_words"
down_revision = "0044_whose_account"
branch_labels = None
depends_on = None

# What earlier versions kept stands in clear, and may hold anything.
SQL = """
ALTER TABLE payments_telling
    ADD COLUMN sealed BYTEA;

UPDATE payments_telling
SET answer = NULL, problem = CASE WHEN problem IS NOT NULL THEN 'It was not told.' END
WHERE answer IS NOT NULL
   OR problem IS NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
