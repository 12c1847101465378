"""Tenants: each one a schema of its own behind a wall."""

from guildbank.infra.tenant import TenantRef
from guildbank.tenancy.contracts import (
    Deleted,
    GuardedAction,
    JournalHead,
    JournalPort,
    Locale,
    MailSettings,
    PasskeySettings,
    SecondFactor,
    SpentCoins,
    Tenant,
    TenantSettings,
)
from guildbank.tenancy.rules import check_slug, read_host, schema_of
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.change import change_tenant
from guildbank.tenancy.usecases.create import create_tenant
from guildbank.tenancy.usecases.delete import (
    check_deletion,
    check_deletion_within,
    delete_tenant,
    delete_within,
)
from guildbank.tenancy.usecases.find import Tenants
from guildbank.tenancy.usecases.read import get_tenant, list_tenants
from guildbank.tenancy.usecases.restored import mark_restored
from guildbank.tenancy.usecases.set_hosts import set_hosts
from guildbank.tenancy.usecases.suspend import resume_tenant, suspend_tenant

__all__ = [
    "Deleted",
    "GuardedAction",
    "JournalHead",
    "JournalPort",
    "Locale",
    "MailSettings",
    "PasskeySettings",
    "SecondFactor",
    "SpentCoins",
    "Tenancy",
    "Tenant",
    "TenantRef",
    "TenantSettings",
    "Tenants",
    "change_tenant",
    "check_deletion",
    "check_deletion_within",
    "check_slug",
    "create_tenant",
    "delete_tenant",
    "delete_within",
    "get_tenant",
    "list_tenants",
    "mark_restored",
    "read_host",
    "resume_tenant",
    "schema_of",
    "set_hosts",
    "suspend_tenant",
]
