"""Background work of the ledger: the proof of every tenant, kept all the time."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from guildbank.identity import Identity
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
from guildbank.ledger.usecases.keep_proof import keep_proof, proof_status
from guildbank.ledger.usecases.prove import Proving

log = structlog.get_logger(__name__)
PROOF_SECONDS = 300
BUDGET_SECONDS = 240
"""A run begins with no further tenant after this: the next one begins with those left out."""


class Services(Protocol):
    """What the job takes of the app's services."""

    @property
    def identity(self) -> Identity:
        """The parts of identity, which know whom to tell."""
        ...

    @property
    def proving(self) -> Proving:
        """What proofs are taken of."""
        ...

    async def tenants(self) -> Sequence[TenantRef]:
        """Return all tenants that are not deleted."""
        ...


async def keep_proofs(services: Services) -> None:
    """Take a round for each tenant, beginning with the one whose last round is the oldest."""
    identity = services.identity
    checked: dict[str, datetime | None] = {}
    tenants = await services.tenants()

    async def look(tenant: TenantRef) -> None:
        status = await proof_status(identity.db, tenant)
        checked[tenant.id] = None if status is None else status.kept.checked_at

    await each_tenant(tenants, look, "proof_not_read", suspended=True)
    known = [tenant for tenant in tenants if tenant.id in checked]
    known.sort(key=lambda one: (checked[one.id] is not None, str(checked[one.id]), one.id))
    until = time.monotonic() + BUDGET_SECONDS

    async def keep(tenant: TenantRef) -> None:
        if time.monotonic() < until:
            await keep_proof(identity, tenant, services.proving)

    await each_tenant(known, keep, "proof_not_taken", suspended=True)


JOBS = (Job("ledger.proof", PROOF_SECONDS, keep_proofs),)
