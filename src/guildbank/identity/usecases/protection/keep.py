"""Read and set what keeps a tenant's robots out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from guildbank.identity.contracts.protection import (
    PROTECTION_CHANGED,
    UNKNOWN_CAPTCHA,
    Action,
    Captcha,
    Disposable,
    Protection,
)
from guildbank.identity.store.protection import ONLY, PROTECTIONS
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.protection.known import Safe
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import merge_settings


class WantedCaptcha(msgspec.Struct, frozen=True, kw_only=True):
    """A captcha as it is to be; secrets that are left out of `settings` stay as they are."""

    provider: str
    site_key: str
    settings: Mapping[str, Any]
    actions: Sequence[Action]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the tenant chose, its captcha's settings without secrets, and which secrets are set.

    `problem` says why the captcha's plugin cannot use what another version of it stored.
    """

    protection: Protection
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    problem: str | None = None


class SetProtection(Act):
    """Sets what keeps robots out. The entry names the captcha and no setting of it."""

    verb: ClassVar[str] = "identity.set_protection"
    __slots__ = ("captcha", "disposable", "manifest", "safe")

    def __init__(
        self,
        principal: str,
        disposable: Disposable,
        captcha: WantedCaptcha | None,
        manifest: Manifest | None,
        safe: Safe,
    ) -> None:
        super().__init__(principal)
        self.disposable: Disposable = disposable
        self.captcha = captcha
        self.manifest = manifest
        self.safe = safe

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the row."""
        return ((PROTECTIONS, ONLY),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set it; `invalid_settings`."""
        known = stage.get(PROTECTIONS, ONLY)
        captcha = self._sealed(known)
        if isinstance(captcha, Refusal):
            return captcha
        chosen = Protection(
            disposable_addresses=self.disposable, captcha=captcha, changed_at=stage.now
        )
        stage.put(PROTECTIONS, ONLY, chosen)
        before = None if known is None else _told(known)
        return Draft(PROTECTION_CHANGED, facts(_told(chosen)), before=before)

    def _sealed(self, known: Protection | None) -> Captcha | Refusal | None:
        wanted, manifest = self.captcha, self.manifest
        if wanted is None or manifest is None:
            return None
        before = None if known is None else known.captcha
        plain: dict[str, Any] = {}
        secrets: dict[str, Any] = {}
        if before is not None and before.provider == wanted.provider:
            for name, value in self.safe.read(before, manifest).items():
                (secrets if name in manifest.secret_fields else plain)[name] = value
        merged = merge_settings(manifest, wanted.settings, plain, secrets)
        if isinstance(merged, Refusal):
            return msgspec.structs.replace(merged, field=f"captcha.{merged.field}")
        settings = {**merged.plain, **merged.secrets}
        return Captcha(
            provider=wanted.provider,
            site_key=wanted.site_key,
            sealed=self.safe.seal(wanted.provider, settings),
            actions=tuple(sorted(set(wanted.actions))),
            version=manifest.version,
        )


def _told(chosen: Protection) -> dict[str, object]:
    """Return what the record says of it: no settings, for they may hold secrets."""
    captcha = chosen.captcha
    return {
        "disposableAddresses": chosen.disposable_addresses,
        "captcha": None if captcha is None else captcha.provider,
        "actions": [] if captcha is None else list(captcha.actions),
    }


async def set_protection(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    disposable: Disposable,
    captcha: WantedCaptcha | None,
) -> Shown | Refusal:
    """Return what holds from now on, within a second on every worker.

    Refusals: `invalid_value` (no such plugin), `invalid_settings`, `tenant_suspended`. Raises
    Unavailable.
    """
    manifest = None
    if captcha is not None:
        manifest = identity.protections.captchas.manifest(captcha.provider)
        if manifest is None:
            return UNKNOWN_CAPTCHA
    safe = await identity.protections.safe(tenant)
    act = SetProtection(principal, disposable, captcha, manifest, safe)
    outcome = await identity.journal.submit(tenant.schema, act)
    identity.protections.forget(tenant)
    return outcome if isinstance(outcome, Refusal) else await get_protection(identity, tenant)


async def get_protection(identity: Identity, tenant: TenantRef) -> Shown:
    """Return what holds.

    Of a plugin that is gone, and of one in whose other version nobody knows what was secret, all
    settings count as secret.
    """
    protection = await identity.protections.of(tenant)
    captcha = protection.captcha
    if captcha is None:
        return Shown(protection=protection, settings={}, secrets_set=())
    safe = await identity.protections.safe(tenant)
    manifest = identity.protections.captchas.manifest(captcha.provider)
    if manifest is None:
        return Shown(protection=protection, settings={}, secrets_set=sorted(safe.open(captcha)))
    settings = safe.read(captcha, manifest)
    known = captcha.version in ("", manifest.version)
    secret = manifest.secret_fields if known else set(settings)
    return Shown(
        protection=protection,
        settings={name: value for name, value in settings.items() if name not in secret},
        secrets_set=sorted(secret & settings.keys()),
        problem=safe.problem(captcha, manifest),
    )
