"""Reads straight in the database how the kept proofs of all tenants stand."""

import asyncio
from datetime import timedelta

import msgspec

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.ledger.usecases.keep_proof import proof_status

STALE = timedelta(minutes=30)
"""An older round means that no worker runs, or that it cannot take the proof."""


class KeptProofs(msgspec.Struct, frozen=True):
    """Slugs of tenants by how their last round went."""

    ok: tuple[str, ...]
    broken: tuple[str, ...]
    stale: tuple[str, ...]


def read_kept_proofs(settings: Settings) -> KeptProofs:
    """Return how the proofs stand; a tenant that was never proved is stale."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> KeptProofs:
    services = open_services(settings, application="guildbank cli")
    ok, broken, stale = [], [], []
    try:
        oldest = services.clock.now() - STALE
        for tenant in await services.tenants():
            status = await proof_status(services.identity.db, tenant)
            if status is not None and not status.kept.ok:
                broken.append(tenant.slug)
            elif status is None or status.kept.checked_at < oldest:
                stale.append(tenant.slug)
            else:
                ok.append(tenant.slug)
    finally:
        await services.close()
    return KeptProofs(tuple(ok), tuple(broken), tuple(stale))
