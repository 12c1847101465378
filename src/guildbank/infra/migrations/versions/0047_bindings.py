"""Payments that wait for their player are asked about once for each revision that is published."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0047_bindings"
down_revision = "0046_unended_disputes"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_binding (
    id text NOT NULL,
    runs text,
    passed integer[] NOT NULL,
    tries integer NOT NULL,
    next_at timestamp with time zone NOT NULL,
    CONSTRAINT pk_payments_binding PRIMARY KEY (id)
);
CREATE VIEW pipelines_v_step AS
SELECT revision.purpose, revision.number AS revision, step ->> 'plugin' AS plugin
FROM pipelines_revision AS revision,
     jsonb_path_query(revision.document::jsonb, '$.stages.*[*]') AS step
WHERE step ? 'plugin';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
