"""Try whether whom a step calls answers, before the step is published."""

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
from guildbank.plugin_host import Tried, check_settings, try_connection


async def try_step(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, slot: SlotName, step: Step
) -> Tried | Refusal:
    """Return who answered the step's plugin by these settings, with the secrets that are set.

    Nothing is saved, and the step need not be in any revision. Refusals: `not_found` (the purpose),
    `invalid_settings`, `tenant_suspended`.
    """
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
    if manifest.secret_fields and secrets is None:
        names = ", ".join(sorted(manifest.secret_fields))
        return _invalid("settings", f"The secrets of the step ({names}) are not set for these.")
    whole = with_secrets(step, secrets)
    refusal = check_settings(manifest, whole.settings)
    if refusal is not None:
        return refusal
    return await try_connection(plugin, manifest, pipelines.context(tenant, manifest, whole))


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal(code="invalid_settings", detail=detail, field=field)
