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
from guildbank.pipelines.contracts import OlderStep, Placed, Step
from guildbank.pipelines.secrets import Secret, SecretKey, secrets_of
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import renew_secrets, settings_of_secrets

Known = Sequence[Mapping[str, Any] | None]
"""The secrets of steps in their order, None for a step that takes none or has none set.

Not by the step's id: steps of two revisions may share one, and be sent to other addresses.
"""
_canonical = msgspec.json.Encoder(order="deterministic")


def key_of(
    purpose: str, step: Step, manifest: Manifest, went_with: Mapping[str, Any] | None = None
) -> SecretKey:
    """Return whose secrets the step's are, by its own settings or by those that they went with."""
    if went_with is None:
        went_with = settings_of_secrets(manifest, step.settings)
    place = sha256(_canonical.encode(went_with)).hexdigest()
    return SecretKey(purpose, step.id, manifest.id, place[:32])


async def know_secrets(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, placed: Sequence[Placed]
) -> Known:
    """Return the secrets of all steps that take any; asks the database only if one does."""
    plugins = [pipelines.plugins.at(slot, step.plugin) for slot, step in placed]
    manifests = [None if plugin is None else plugin.manifest for plugin in plugins]
    steps = [step for _, step in placed]
    return await secrets_for(pipelines, tenant, purpose, list(zip(steps, manifests, strict=True)))


async def secrets_for(
    pipelines: Pipelines,
    tenant: TenantRef,
    purpose: str,
    steps: Sequence[tuple[Step, Manifest | None]],
) -> Known:
    """Return what `know_secrets` does, as these versions of their plugins name the secrets."""
    keys = [_keys_of(purpose, step, manifest) for step, manifest in steps]
    wanted = [key for some in keys for key in some]
    if not wanted:
        return [None] * len(keys)
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        found = await secrets_of(tx.driver, wanted)
    safe = await key_for(pipelines, tenant)
    opened = {key: unseal(safe, tenant.id, key, one) for key, one in found.items()}
    return [_of_step(*one, some, opened) for one, some in zip(steps, keys, strict=True)]


def _keys_of(purpose: str, step: Step, manifest: Manifest | None) -> list[SecretKey]:
    """Return where secrets of the step may be: those of an older version go with its own names."""
    if manifest is None or not manifest.secret_fields:
        return []
    keys = [key_of(purpose, step, manifest)]
    if isinstance(step, OlderStep):
        keys.append(key_of(purpose, step, manifest, step.went_with))
    return keys


def _of_step(
    step: Step,
    manifest: Manifest | None,
    keys: Sequence[SecretKey],
    opened: Mapping[SecretKey, Mapping[str, Any]],
) -> Mapping[str, Any] | None:
    for key in keys:
        secrets = opened.get(key)
        if secrets is None or manifest is None:
            continue
        if isinstance(step, OlderStep) and key == keys[-1]:
            return renew_secrets(manifest, secrets, step.written_by)
        return secrets
    return None


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
