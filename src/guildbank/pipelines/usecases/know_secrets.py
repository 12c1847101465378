"""Find the secrets of steps: they are no part of a revision, and always those of now.

A secret goes with the settings that say where it is sent. A step whose address is another has other
secrets, so that whoever may change the address, and does not know the secret, is not sent it.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Placed, Step
from guildbank.pipelines.secrets import Secret, SecretKey, secrets_of
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import settings_of_secrets

Known = Sequence[Mapping[str, Any] | None]
"""The secrets of steps in their order, None for a step that takes none or has none set.

Not by the step's id: steps of two revisions may share one, and be sent to other addresses.
"""
_canonical = msgspec.json.Encoder(order="deterministic")


def key_of(purpose: str, step: Step, manifest: Manifest) -> SecretKey:
    """Return whose secrets the step's are."""
    place = sha256(_canonical.encode(settings_of_secrets(manifest, step.settings))).hexdigest()
    return SecretKey(purpose, step.id, manifest.id, place[:32])


async def know_secrets(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, placed: Sequence[Placed]
) -> Known:
    """Return the secrets of all steps that take any; asks the database only if one does."""
    keys: list[SecretKey | None] = []
    for slot, step in placed:
        plugin = pipelines.plugins.at(slot, step.plugin)
        if plugin is None or not plugin.manifest.secret_fields:
            keys.append(None)
        else:
            keys.append(key_of(purpose, step, plugin.manifest))
    wanted = [key for key in keys if key is not None]
    if not wanted:
        return [None] * len(keys)
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        found = await secrets_of(tx.driver, wanted)
    safe = await key_for(pipelines, tenant)
    opened = {key: unseal(safe, tenant.id, key, one) for key, one in found.items()}
    return [None if key is None else opened.get(key) for key in keys]


def with_secrets(step: Step, secrets: Mapping[str, Any] | None) -> Step:
    """Return the step with its secrets among its settings, as its plugin gets it."""
    if secrets is None:
        return step
    return msgspec.structs.replace(step, settings={**step.settings, **secrets})


async def key_for(pipelines: Pipelines, tenant: TenantRef) -> DataKey:
    """Return what seals the tenant's secrets; raises LookupError for a tenant that is gone."""
    key = await pipelines.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} has no data key")
    return key


def seal(safe: DataKey, tenant_id: str, key: SecretKey, secrets: Mapping[str, Any]) -> bytes:
    """Return the secrets as they are stored."""
    return safe.seal(_place(tenant_id, key), msgspec.json.encode(secrets))


def unseal(safe: DataKey, tenant_id: str, key: SecretKey, stored: Secret) -> Mapping[str, Any]:
    """Return stored secrets; raises SealBroken."""
    opened = safe.open(_place(tenant_id, key), stored.sealed)
    return msgspec.json.decode(opened, type=dict[str, Any])


def _place(tenant_id: str, key: SecretKey) -> bytes:
    return ":".join(("pipelines_secret.sealed", tenant_id, *key)).encode()
