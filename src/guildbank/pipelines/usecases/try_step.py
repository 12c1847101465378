"""Ask a step's plugin what an operator has to know before the step is published."""

from typing import Any, NamedTuple

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    NO_PIPELINE,
    SLOTS,
    TENANT_SUSPENDED,
    Placed,
    SlotName,
    Step,
)
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.plugin_api import Context, Manifest, Plugin, SettingProblem
from guildbank.plugin_host import (
    Offered,
    Tried,
    check_field,
    check_settings,
    health_of,
    offer_options,
    try_connection,
    unknown_field,
)


class _Asked(NamedTuple):
    """A plugin, and what it is asked in."""

    plugin: Plugin
    manifest: Manifest
    context: Context


async def try_step(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step
) -> Tried | Refusal:
    """Return who answered the step's plugin by these settings, with the secrets that are set.

    Nothing is saved, and the step need not be in any revision. Refusals: `not_found` (the purpose),
    `invalid_settings`, `tenant_suspended`.
    """
    asked = await _whole(pipelines, tenant, purpose, slot, step)
    return asked if isinstance(asked, Refusal) else await try_connection(*asked)


async def step_health(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step
) -> Tried | Refusal:
    """Return whether the step's plugin can do its work now; refused as `try_step` is."""
    asked = await _whole(pipelines, tenant, purpose, slot, step)
    return asked if isinstance(asked, Refusal) else await health_of(*asked)


async def step_options(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step, field: str
) -> Offered | Refusal:
    """Return what a field may be, the others being as in the step, where some may be missing.

    Refusals: `not_found` (the purpose), `invalid_settings` (the plugin, a secret among the
    settings, the field), `tenant_suspended`.
    """
    asked = await _begun(pipelines, tenant, purpose, slot, step)
    if isinstance(asked, Refusal):
        return asked
    if (refused := unknown_field(asked.manifest, field)) is not None:
        return refused
    return await offer_options(*asked, field)


async def check_step_field(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step, field: str
) -> list[SettingProblem] | Refusal:
    """Return what is wrong with one field of a step; refused as `step_options` is."""
    asked = await _begun(pipelines, tenant, purpose, slot, step)
    if isinstance(asked, Refusal):
        return asked
    if (refused := unknown_field(asked.manifest, field)) is not None:
        return refused
    return await check_field(asked.plugin, asked.manifest, field, asked.context.settings)


async def _whole(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step
) -> _Asked | Refusal:
    """Return what is asked about a step whose settings are complete."""
    asked = await _begun(pipelines, tenant, purpose, slot, step)
    if isinstance(asked, Refusal):
        return asked
    manifest, settings = asked.manifest, asked.context.settings
    if manifest.secret_fields and not manifest.secret_fields & settings.keys():
        names = ", ".join(sorted(manifest.secret_fields))
        return _invalid("settings", f"The secrets of the step ({names}) are not set for these.")
    return check_settings(manifest, settings) or asked


async def _begun(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step
) -> _Asked | Refusal:
    """Return what is asked about a step that somebody is filling in."""
    if tenant.state != "active":
        return TENANT_SUSPENDED
    if purpose not in pipelines.purposes:
        return NO_PIPELINE
    plugin = pipelines.plugins.at(SLOTS[slot], step.plugin)
    if plugin is None:
        return _invalid("plugin", f"No plugin {step.plugin[:64]} is installed for {slot}.")
    manifest = plugin.manifest
    shown = sorted(step.settings.keys() & manifest.secret_fields)
    if shown:
        return _invalid(f"settings.{shown[0]}", "It is a secret: set it as a secret of the step.")
    (secrets,) = await know_secrets(pipelines, tenant, purpose, [Placed(SLOTS[slot], step)])
    whole: Any = with_secrets(step, secrets)
    return _Asked(plugin, manifest, pipelines.context(tenant, manifest, whole))


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal(code="invalid_settings", detail=detail, field=field)
