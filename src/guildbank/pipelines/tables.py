"""Tables of pipelines: what a tenant's purchases run, and which processes run it."""

from sqlalchemy import Column, DateTime, ForeignKey, Integer, LargeBinary, Table, Text

from guildbank.infra.database import control_metadata, tenant_metadata
from guildbank.infra.schema import add_tenant_ddl
from guildbank.pipelines.contracts import PIPELINES_ORDER

pipeline = Table(
    # What runs for a purpose: the one row that publishing changes.
    "pipelines_pipeline",
    tenant_metadata,
    Column("purpose", Text, primary_key=True),
    Column("newest", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    Column("previous", Integer, nullable=False),
    Column("canary", Integer),
    Column("share", Integer, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

revision = Table(
    # Every revision that was saved, never changed: a payment names the one that it runs.
    "pipelines_revision",
    tenant_metadata,
    Column("purpose", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("saved_at", DateTime(timezone=True), nullable=False),
)

secret = Table(
    # Secrets of steps, sealed under the tenant's key. No revision holds one; `place` is a hash of
    # the settings that they go with.
    "pipelines_secret",
    tenant_metadata,
    Column("purpose", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("plugin", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

publication = Table(
    # The last publication of each pipeline, told to all processes: they ask what is new.
    "pipelines_publication",
    control_metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("published", Integer, nullable=False),
    Column("canary", Integer),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)

process = Table(
    # The processes that run pipelines; one that is not seen any more is forgotten.
    "pipelines_process",
    control_metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)

running = Table(
    # What each process has made ready, or why it could not.
    "pipelines_running",
    control_metadata,
    Column(
        "process",
        Text,
        ForeignKey("pipelines_process.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("tenant_id", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("published", Integer, nullable=False),
    Column("canary", Integer),
    Column("problem", Text),
    Column("at", DateTime(timezone=True), nullable=False),
)

# What rooms above may know of revisions: which plugins have a step in them.
add_tenant_ddl(
    "pipelines",
    PIPELINES_ORDER,
    """
CREATE VIEW pipelines_v_step AS
SELECT revision.purpose, revision.number AS revision, step ->> 'plugin' AS plugin
FROM pipelines_revision AS revision,
     jsonb_path_query(revision.document::jsonb, '$.stages.*[*]') AS step
WHERE step ? 'plugin'
""",
)
