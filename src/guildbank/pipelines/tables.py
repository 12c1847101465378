"""Tables of pipelines, in each tenant's schema."""

from sqlalchemy import Column, DateTime, Integer, Table, Text

from guildbank.infra.database import tenant_metadata

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
