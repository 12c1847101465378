"""One linear history of the schema, applied to the control plane and to each tenant.

`run.migrate` applies it, and is found there: it loads the migration tool, which servers do without.
"""

from guildbank.infra.migrations.create import SchemaOutdated, create_tenant_schema, tenant_script
from guildbank.infra.migrations.history import Plane, head

__all__ = [
    "Plane",
    "SchemaOutdated",
    "create_tenant_schema",
    "head",
    "tenant_script",
]
