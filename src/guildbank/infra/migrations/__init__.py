"""One linear history of the schema, applied to the control plane and to each tenant."""

from guildbank.infra.migrations.create import SchemaOutdated, create_tenant_schema, tenant_script
from guildbank.infra.migrations.history import Plane, head
from guildbank.infra.migrations.run import Migrated, migrate

__all__ = [
    "Migrated",
    "Plane",
    "SchemaOutdated",
    "create_tenant_schema",
    "head",
    "migrate",
    "tenant_script",
]
