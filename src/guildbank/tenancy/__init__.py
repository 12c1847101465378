"""Tenants: each one a schema of its own behind a wall."""

from guildbank.infra.tenant import TenantRef
from guildbank.tenancy.contracts import JournalHead, JournalPort, Tenant, TenantSettings

__all__ = ["JournalHead", "JournalPort", "Tenant", "TenantRef", "TenantSettings"]
