"""Tenants: each one a schema of its own behind a wall."""

from guildbank.infra.tenant import TenantRef
from guildbank.tenancy.contracts import (
    Deleted,
    JournalHead,
    JournalPort,
    Tenant,
    TenantSettings,
)
from guildbank.tenancy.rules import check_slug, schema_of
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.allow_origins import allow_origins
from guildbank.tenancy.usecases.create import create_tenant
from guildbank.tenancy.usecases.delete import delete_tenant
from guildbank.tenancy.usecases.find import Tenants
from guildbank.tenancy.usecases.read import get_tenant, list_tenants
from guildbank.tenancy.usecases.suspend import resume_tenant, suspend_tenant

__all__ = [
    "Deleted",
    "JournalHead",
    "JournalPort",
    "Tenancy",
    "Tenant",
    "TenantRef",
    "TenantSettings",
    "Tenants",
    "allow_origins",
    "check_slug",
    "create_tenant",
    "delete_tenant",
    "get_tenant",
    "list_tenants",
    "resume_tenant",
    "schema_of",
    "suspend_tenant",
]
