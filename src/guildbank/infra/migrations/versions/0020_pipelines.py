"""Pipelines in revisions, which payments keep, and what their callback steps are told."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0020_pipelines"
down_revision = "0019_kept_holds_seen"
branch_labels = None
depends_on = None

# Nothing that is shipped is told by payments_callback, so it holds nothing.
SQL = """
CREATE TABLE pipelines_pipeline (
    purpose TEXT NOT NULL,
    newest INTEGER NOT NULL,
    published INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    canary INTEGER,
    share INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_pipeline PRIMARY KEY (purpose)
);

CREATE TABLE pipelines_revision (
    purpose TEXT NOT NULL,
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_revision PRIMARY KEY (purpose, number)
);

CREATE TABLE pipelines_secret (
    purpose TEXT NOT NULL,
    step TEXT NOT NULL,
    plugin TEXT NOT NULL,
    place TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_secret PRIMARY KEY (purpose, step, plugin, place)
);

ALTER TABLE payments_intent
ADD COLUMN purpose TEXT NOT NULL DEFAULT 'packs',
ADD COLUMN revision INTEGER NOT NULL DEFAULT '0',
ADD COLUMN problem_detail TEXT;

DROP TABLE payments_callback;

CREATE TABLE payments_telling (
    purpose TEXT NOT NULL,
    step TEXT NOT NULL,
    seq BIGINT NOT NULL,
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    data TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_telling PRIMARY KEY (purpose, step, seq)
);
"""


CONTROL = """
CREATE TABLE pipelines_publication (
    tenant_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    published INTEGER NOT NULL,
    canary INTEGER,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_publication PRIMARY KEY (tenant_id, purpose)
);

CREATE INDEX ix_pipelines_publication_at ON pipelines_publication (at);

CREATE TABLE pipelines_process (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_process PRIMARY KEY (id)
);

CREATE TABLE pipelines_running (
    process TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    published INTEGER NOT NULL,
    canary INTEGER,
    problem TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_pipelines_running PRIMARY KEY (process, tenant_id, purpose),
    CONSTRAINT fk_pipelines_running_process_pipelines_process
        FOREIGN KEY (process) REFERENCES pipelines_process (id) ON DELETE CASCADE
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL if plane == "tenant" else CONTROL)
