"""Set the secrets of a step: at once, for every revision that has the step with these settings."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from guildbank.approvals import Approvable, gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import NO_PIPELINE, SLOTS, SlotName, Step
from guildbank.pipelines.secrets import SECRETS, Secret, SecretKey
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.know_secrets import key_for, key_of, seal
from guildbank.plugin_host import check_settings, settings_of_secrets

PERMISSION = "pipelines:publish"
SECRETS_SET = "pipelines.secrets_set"


class StepSecrets(msgspec.Struct, frozen=True):
    """A step's secrets with its plugin and its other settings, which say where they are sent."""

    purpose: str
    step: str
    slot: SlotName
    plugin: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, Any]


class SetSecrets(Act):
    """Keeps sealed secrets; the entry tells whose they are and for what settings."""

    verb: ClassVar[str] = "pipelines.set_secrets"
    __slots__ = ("key", "places", "sealed", "secret_names")

    def __init__(
        self,
        principal: str,
        key: SecretKey,
        sealed: bytes,
        places: Mapping[str, Any],
        names: Sequence[str],
    ) -> None:
        super().__init__(principal)
        self.key = key
        self.sealed = sealed
        self.places = places
        self.secret_names = names

    def needs(self, stage: Stage) -> list[Need]:
        """Return the secrets that are set."""
        return [(SECRETS, self.key)]

    def decide(self, stage: Stage) -> Draft:
        """Set them."""
        stage.put(SECRETS, self.key, Secret(self.sealed, stage.now))
        told = {
            "purpose": self.key.purpose,
            "step": self.key.step,
            "plugin": self.key.plugin,
            "settings": self.places,
            "secrets": self.secret_names,
        }
        return Draft(SECRETS_SET, facts(told))


async def set_secrets(
    pipelines: Pipelines, tenant: TenantRef, principal: str, wanted: StepSecrets
) -> Receipt | Refusal:
    """Return the receipt of the entry, or of a command that waits for approval.

    Refusals: `not_found` (the purpose), `invalid_settings`, `tenant_suspended`. Raises Unavailable.
    """
    act = await setting(pipelines, tenant, principal, wanted)
    if isinstance(act, Refusal):
        return act
    gated = await gate(pipelines.four_eyes, tenant, act, act.verb, wanted)
    return await pipelines.journal.submit(tenant.schema, gated)


async def setting(
    pipelines: Pipelines, tenant: TenantRef, principal: str, wanted: StepSecrets
) -> SetSecrets | Refusal:
    """Return the act, once the plugin takes these secrets and settings."""
    if wanted.purpose not in pipelines.purposes:
        return NO_PIPELINE
    slot = SLOTS[wanted.slot]
    plugin = pipelines.plugins.at(slot, wanted.plugin)
    if plugin is None:
        return _invalid("plugin", f"No plugin {wanted.plugin[:64]} is installed for {slot}.")
    manifest = plugin.manifest
    strange = sorted(wanted.secrets.keys() - manifest.secret_fields)
    if strange:
        return _invalid(f"secrets.{strange[0][:64]}", "The plugin has no such secret.")
    shown = sorted(wanted.settings.keys() & manifest.secret_fields)
    if shown:
        return _invalid(f"settings.{shown[0]}", "It is a secret: send it among the secrets.")
    refusal = check_settings(manifest, {**wanted.settings, **wanted.secrets})
    if refusal is not None:
        name = (refusal.field or "").removeprefix("settings.").partition(".")[0]
        secret = name in manifest.secret_fields
        return msgspec.structs.replace(refusal, field=f"secrets.{name}") if secret else refusal
    step = Step(wanted.step, wanted.plugin, wanted.settings)
    key = key_of(wanted.purpose, step, manifest)
    sealed = seal(await key_for(pipelines, tenant), tenant.id, key, wanted.secrets)
    places = settings_of_secrets(manifest, wanted.settings)
    return SetSecrets(principal, key, sealed, places, sorted(wanted.secrets))


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal(code="invalid_settings", detail=detail, field=field)


async def _act(
    services: Any, tenant: TenantRef | None, by: str, wanted: StepSecrets
) -> Act | Refusal:
    assert tenant is not None
    return await setting(services.pipelines, tenant, by, wanted)


def _show(wanted: StepSecrets) -> Mapping[str, Any]:
    return {
        "purpose": wanted.purpose,
        "step": wanted.step,
        "slot": wanted.slot,
        "plugin": wanted.plugin,
        "settings": wanted.settings,
        "newSecrets": sorted(wanted.secrets),
    }


APPROVABLE = Approvable(
    verb=SetSecrets.verb,
    permission=PERMISSION,
    meaning="Set the secrets by which a step of a pipeline calls others.",
    command=StepSecrets,
    show=_show,
    act=_act,
)
