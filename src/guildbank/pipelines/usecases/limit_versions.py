"""Say what keeps other versions of a plugin from taking its place in a tenant's pipelines."""

from collections.abc import Sequence
from typing import Any

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines import store
from guildbank.pipelines.contracts import EMPTY, Revision
from guildbank.pipelines.renewed import renewed_step, written_by
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.know_secrets import secrets_for, with_secrets
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import check_settings


async def limit_versions(
    services: Any, tenant: TenantRef, manifests: Sequence[Manifest]
) -> list[str]:
    """Return the steps of what runs whose settings the newest of these versions cannot use."""
    pipelines: Pipelines = services.pipelines
    found: list[str] = []
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        running = await store.pipelines_of(tx.driver, sorted(pipelines.purposes))
        revisions = [
            await store.revision_at(tx.driver, one.purpose, number)
            for one in running.values()
            for number in sorted({one.published, one.canary or EMPTY} - {EMPTY})
        ]
    for revision in revisions:
        if revision is not None:
            found += await _of(pipelines, tenant, revision, manifests[0])
    return found


async def _of(
    pipelines: Pipelines, tenant: TenantRef, revision: Revision, manifest: Manifest
) -> list[str]:
    steps = [
        renewed_step(manifest, step, written_by(revision, slot, step))
        for slot, step in revision.stages.placed()
        if slot is manifest.slot and step.plugin == manifest.id
    ]
    with_manifest = [(step, manifest) for step in steps]
    secrets = await secrets_for(pipelines, tenant, revision.purpose, with_manifest)
    said = []
    for step, own in zip(steps, secrets, strict=True):
        refused = check_settings(manifest, with_secrets(step, own).settings)
        if refused is not None:
            place = f"step {step.id} in revision {revision.number} of {revision.purpose}"
            said.append(f"{place}: it cannot use {refused.field}: {refused.detail}")
    return said
