"""The register of tenants, in the control schema."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from guildbank.infra.database import control_metadata

tenant = Table(
    "tenancy_tenant",
    control_metadata,
    Column("id", Text, primary_key=True),
    # A deleted tenant keeps its row, so that its slug never names another one.
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("schema", Text, nullable=False, unique=True),
    # Wrapped by the master key; absent once the tenant is deleted.
    Column("data_key", LargeBinary),
    Column("settings", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(timezone=True)),
    CheckConstraint("mode IN ('live', 'test')", name="mode"),
    CheckConstraint("state IN ('active', 'suspended', 'deleted')", name="state"),
    CheckConstraint("(state = 'deleted') = (data_key IS NULL)", name="data_key"),
    # A passkey is made for a host: two tenants of one host would share their players' passkeys.
    Index(
        "ix_tenancy_tenant_rp_id",
        text("(settings -> 'passkeys' ->> 'rp_id')"),
        unique=True,
        postgresql_where=text("state <> 'deleted'"),
    ),
)

host = Table(
    # The names under which a tenant's players reach it; each is one tenant's.
    "tenancy_host",
    control_metadata,
    Column("host", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenancy_tenant.id"), nullable=False, index=True),
)
