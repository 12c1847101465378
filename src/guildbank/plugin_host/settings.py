"""A tenant's settings of a plugin: checked against its schema, and its secrets kept apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs
import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest


def check_settings(manifest: Manifest, settings: Mapping[str, Any]) -> Refusal | None:
    """Return `invalid_settings` naming the first setting at fault; values are never repeated."""
    # Masked, for stored secrets are among the settings, and a rule about all of them tells all.
    validator = jsonschema_rs.validator_for(dict(manifest.settings_schema), mask="This")
    for error in validator.iter_errors(dict(settings)):
        path = ".".join(str(part) for part in error.instance_path)
        return Refusal(
            code="invalid_settings",
            detail=f"{error.message[:500]}.",
            field=f"settings.{path}" if path else "settings",
        )
    return None


def refused_by_mode(manifest: Manifest, mode: str, settings: Mapping[str, Any]) -> Refusal | None:
    """Return `invalid_settings` for a setting that a tenant of this mode may not have.

    Those that only test tenants may have lead a plugin to a server that plays the provider and has
    it believe other signatures: in a live tenant they would make money of anybody's say-so. By a
    live key a test tenant would take people's money, and by one for tests a live tenant would give
    coins for none. Only how a value begins is ever repeated.
    """
    for name in sorted(manifest.test_only_settings & settings.keys()) if mode != "test" else ():
        return Refusal(
            code="invalid_settings",
            detail=f"{name} may be set in test tenants only, and this one is {mode}.",
            field=f"settings.{name}",
        )
    for name in sorted(manifest.mode_prefixes.keys() & settings.keys()):
        value = settings[name]
        for other, prefixes in manifest.mode_prefixes[name].items():
            prefix = next((one for one in prefixes if str(value).startswith(one)), None)
            if other != mode and prefix is not None:
                return Refusal(
                    code="invalid_settings",
                    detail=f"{name} begins with {prefix}: it is of {manifest.title}'s {other} "
                    f"mode, and this tenant is {mode}.",
                    field=f"settings.{name}",
                )
    return None


MAX_PLAIN_BYTES = 16_384
"""How much of settings, without secrets, an entry of the journal carries."""
TOO_LARGE = Refusal(
    code="invalid_settings",
    detail=f"The settings without secrets take more than {MAX_PLAIN_BYTES} bytes.",
    field="settings",
)
_HOSTS = frozenset({"uri", "hostname"})
_canonical = msgspec.json.Encoder(order="deterministic")


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """Settings as they are to be: in clear what is shown, and the secrets.

    `secrets_set` names the secrets that are new or another, `secrets_kept` those that stay.
    `same` says that nothing changes, `same_secrets` that no secret does.
    """

    plain: Mapping[str, Any]
    secrets: Mapping[str, Any]
    secrets_set: Sequence[str]
    secrets_kept: Sequence[str]
    same: bool
    same_secrets: bool

    @property
    def whole(self) -> dict[str, Any]:
        """Return both together, as the plugin gets them."""
        return {**self.plain, **self.secrets}


def merge_settings(
    manifest: Manifest,
    given: Mapping[str, Any],
    plain: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> Merged | Refusal:
    """Return the given settings with those secrets that are left out and stay as they are.

    `plain` and `secrets` are what is stored, None where nothing is. A secret does not stay where a
    setting changes that says where it is sent: whoever may change the address, and does not know
    the secret, would be sent it. Refusal: `invalid_settings`.
    """
    before, stored = plain or {}, secrets or {}
    # What a newer version of the plugin does not call a secret any more must not come to light.
    kept = {name: stored[name] for name in stored if name in manifest.secret_fields}
    settings = {**kept, **given}
    if (wrong := check_settings(manifest, settings)) is not None:
        return wrong
    staying = sorted(kept.keys() - given.keys())
    moved = sorted(
        one for one in _bound(manifest) if not _alike(before.get(one), settings.get(one))
    )
    if staying and moved:
        return Refusal(
            code="invalid_settings",
            detail=f"{moved[0]} changes: send {', '.join(staying)} again, since a secret is kept "
            "only for where it was given for.",
            field=f"settings.{staying[0]}",
        )
    names = sorted(manifest.secret_fields & settings.keys())
    chosen = {name: settings.pop(name) for name in names}
    if len(_canonical.encode(settings)) > MAX_PLAIN_BYTES:
        return TOO_LARGE
    same = [one for one in names if one in kept and _alike(kept[one], chosen[one])]
    unchanged = secrets is not None and same == names == sorted(stored)
    return Merged(
        plain=settings,
        secrets=chosen,
        secrets_set=[name for name in names if name not in same],
        secrets_kept=same,
        same=unchanged and plain is not None and _alike(plain, settings),
        same_secrets=unchanged,
    )


def settings_of_secrets(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that secrets go with: those that say where they are sent, or whose."""
    return {name: settings[name] for name in sorted(_bound(manifest)) if name in settings}


def _bound(manifest: Manifest) -> set[str]:
    """Return the settings that secrets go with: those declared, and all that hold hosts."""
    declared: Mapping[str, Any] = manifest.settings_schema.get("properties", {})
    hosts = {
        name
        for name, schema in declared.items()
        if _HOSTS & {schema.get("format"), schema.get("items", {}).get("format")}
    }
    return (hosts | manifest.secrets_go_with) - manifest.secret_fields


def _alike(one: object, other: object) -> bool:
    """Say whether both are the same JSON: 1 is not true."""
    return _canonical.encode(one) == _canonical.encode(other)
