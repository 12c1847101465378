"""Reads settings that an older version of a plugin wrote, by the steps that its manifest tells."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest, SettingsMigration
from guildbank.plugin_host.settings import check_settings, settings_of_secrets

_OLDEST = Version("0.dev0")


def renew_settings(
    manifest: Manifest, settings: Mapping[str, Any], written_by: str
) -> dict[str, Any]:
    """Return settings as this version names them; `written_by` is the version that stored them.

    An empty one is older than all: nobody knows it. What a newer version wrote stays as it is, and
    so does what no step speaks of; the schema says whether the result can be used.
    """
    renewed = dict(settings)
    for step in steps_since(manifest, written_by):
        renewed = _renew(renewed, step)
    return renewed


class Stored(NamedTuple):
    """Settings in clear and secrets; `as_written` says that both are as they are stored."""

    plain: Mapping[str, Any]
    secrets: Mapping[str, Any]
    as_written: bool = True

    @property
    def whole(self) -> dict[str, Any]:
        """Return both together, as the plugin gets them."""
        return {**self.plain, **self.secrets}


def read_stored(
    manifest: Manifest, plain: Mapping[str, Any], secrets: Mapping[str, Any], written_by: str
) -> Stored:
    """Return what was stored by the names of this version of the plugin.

    A secret stays one whatever a newer version calls it.
    """
    if not steps_since(manifest, written_by):
        return Stored(plain, secrets)
    renewed = renew_settings(manifest, {**plain, **secrets}, written_by)
    names = renew_names(manifest, secrets, written_by) | manifest.secret_fields
    return Stored(
        {name: one for name, one in renewed.items() if name not in names},
        {name: one for name, one in renewed.items() if name in names},
        as_written=False,
    )


def renew_names(manifest: Manifest, names: Iterable[str], written_by: str) -> set[str]:
    """Return how this version names what an older one named so."""
    renewed = set(names)
    for step in steps_since(manifest, written_by):
        renewed = {step.renamed.get(name, name) for name in renewed} - set(step.removed)
    return renewed


def settings_before(
    manifest: Manifest, settings: Mapping[str, Any], written_by: str
) -> dict[str, Any]:
    """Return those of an older version's settings that secrets went with, as it named them."""
    renewed = renew_settings(manifest, settings, written_by)
    bound = settings_of_secrets(manifest, renewed).keys()
    return {
        name: settings[name]
        for name in sorted(settings)
        if renew_names(manifest, [name], written_by) & bound
    }


def renew_secrets(
    manifest: Manifest, secrets: Mapping[str, Any], written_by: str
) -> dict[str, Any]:
    """Return an older version's secrets by the names of this one, and nothing that it adds."""
    names = renew_names(manifest, secrets, written_by)
    renewed = renew_settings(manifest, secrets, written_by)
    return {name: renewed[name] for name in names}


def steps_since(manifest: Manifest, written_by: str) -> list[SettingsMigration]:
    """Return the steps from a version's settings to those of this one, in their order."""
    since = _version(written_by)
    return [one for one in manifest.settings_migrations if _version(one.version) > since]


def unread_settings(
    manifest: Manifest, settings: Mapping[str, Any], written_by: str
) -> Refusal | None:
    """Return `settings_unread` where this version cannot use what another one stored."""
    if written_by == manifest.version:
        return None
    refused = check_settings(manifest, renew_settings(manifest, settings, written_by))
    if refused is None:
        return None
    by = f"version {written_by}" if written_by else "an older version"
    detail = (
        f"Version {manifest.version} of {manifest.id} cannot read the settings that {by} stored: "
        f"{refused.field}: {refused.detail} It rests until they are saved anew."
    )
    return Refusal(code="settings_unread", detail=detail, field=refused.field)


def _renew(settings: Mapping[str, Any], step: SettingsMigration) -> dict[str, Any]:
    renamed = {step.renamed.get(name, name): value for name, value in settings.items()}
    kept = {name: value for name, value in renamed.items() if name not in step.removed}
    for name, words in step.values.items():
        value = kept.get(name)
        if isinstance(value, str):
            kept[name] = words.get(value, value)
    return {**step.added, **kept}


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return _OLDEST
