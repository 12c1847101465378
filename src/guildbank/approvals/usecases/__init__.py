"""The verbs of approvals, one a file, and the parts that they work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from guildbank.approvals.contracts import Approvable, Persons, Reserve, Rights
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Journal
from guildbank.tenancy import Tenants


class Sealer(Protocol):
    """What seals the commands of one plane: a tenant's data key, or the vault."""

    def seal(self, aad: bytes, plain: bytes) -> bytes:
        """Seal `plain` for the place `aad`."""
        ...

    def open(self, aad: bytes, sealed: bytes) -> bytes:
        """Return what was sealed; raises SealBroken."""
        ...


@dataclass(frozen=True, slots=True)
class FourEyes:
    """What the verbs need; the app makes one. `approvables` are what rooms declare, by verb."""

    db: Database
    journal: Journal
    tenants: Tenants
    rights: Rights
    reserve: Reserve
    persons: Persons
    approvables: Mapping[str, Approvable[Any]]

    def nameable(self, tenant: TenantRef | None) -> Mapping[str, Approvable[Any]]:
        """Return the verbs that a rule of this plane's policy can name."""
        plane = "deployment" if tenant is None else "tenant"
        return {verb: one for verb, one in self.approvables.items() if one.of in (plane, "both")}

    async def sealer(self, tenant: TenantRef | None) -> Sealer:
        """Return what seals the commands of a plane; not for the inside of a transaction."""
        return await self.tenants.sealer(tenant)


def schema_of(tenant: TenantRef | None) -> str:
    """Return where a plane keeps its approvals."""
    return CONTROL_SCHEMA if tenant is None else tenant.schema


def command_aad(approval_id: str) -> bytes:
    """Return the place that a stored command is sealed for."""
    return b"approvals_request.command:" + approval_id.encode()


def words_aad(approval_id: str) -> bytes:
    """Return the place that the words of a decision are sealed for."""
    return b"approvals_request.words:" + approval_id.encode()
