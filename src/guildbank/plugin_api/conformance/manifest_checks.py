"""Checks of what a plugin of any slot says of itself before it is called."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.manifest import API_VERSION, Manifest, Slot
from guildbank.plugin_api.manifest_rules import (
    fault_in_schema,
    fault_in_secret_fields,
    fault_in_timeout,
)

_ID = re.compile(r"[a-z][a-z0-9_-]{1,62}")
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_LONGEST_NAME = 200
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_NOT_FOR_IDS = frozenset({"set-cookie", "cookie", "authorization", "location"})
_MODES = frozenset({"test", "live"})
_PART = re.compile(r"\*|[A-Za-z0-9_-]{1,64}")


class Declared(Protocol):
    """What these checks need of a stage."""

    @property
    def slot(self) -> Slot:
        """The slot that is tested."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What the plugin says, now."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        ...


async def the_manifest_is_well_formed(stage: Declared) -> Verdict:
    """An id for URLs, a version, a title, the slot and a timeout that ends."""
    manifest = stage.manifest
    faults = {
        f"the id {manifest.id!r} is not lower-case letters, digits, - and _": not _ID.fullmatch(
            manifest.id
        ),
        f"the version {manifest.version!r} is not like 1.2.3": not _VERSION.fullmatch(
            manifest.version
        ),
        f"the slot is {manifest.slot}, not {stage.slot}": manifest.slot is not stage.slot,
        "the title is empty": not manifest.title.strip(),
        "the manifest differs between two calls": manifest != stage.manifest,
    }
    named = next((sentence for sentence, wrong in faults.items() if wrong), None)
    return named or fault_in_timeout(manifest)


async def the_manifest_fits_this_api(stage: Declared) -> Verdict:
    """The version that runs lies in the range that the plugin works with."""
    manifest = stage.manifest
    if manifest.api_min <= API_VERSION <= manifest.api_max:
        return None
    return f"works with api {manifest.api_min} to {manifest.api_max}, this is {API_VERSION}"


async def the_settings_schema_is_closed(stage: Declared) -> Verdict:
    """A mistyped setting is an error, at every depth of the schema."""
    return fault_in_schema(stage.manifest)


async def secret_fields_are_settings(stage: Declared) -> Verdict:
    """Each secret is a text setting, else it would be stored in clear."""
    return fault_in_secret_fields(stage.manifest)


async def archived_fields_are_names(stage: Declared) -> Verdict:
    """What may be kept of requests and answers is named field by field, and is no secret."""
    manifest = stage.manifest
    for name in manifest.archived:
        parts = name.split(".")
        if len(name) > _LONGEST_NAME or not all(_PART.fullmatch(part) for part in parts):
            return f"archived names {name!r}, which is no dotted name of a field"
        if parts[-1] in {"*", *manifest.secret_fields}:
            return f"archived names {name!r}, which is all of an object or a secret"
    return None


async def the_header_of_request_ids_is_a_name(stage: Declared) -> Verdict:
    """Answers tell the company's id of a request in a header that bears no secret."""
    header = stage.manifest.request_id_header
    if header is None:
        return None
    if not _HEADER.fullmatch(header):
        return f"request_id_header is {header!r}, which is no name of a header"
    if header.lower() in _NOT_FOR_IDS:
        return f"request_id_header is {header!r}, which may bear a secret"
    return None


async def test_only_settings_can_be_left_out(stage: Declared) -> Verdict:
    """What a live tenant must not have is a setting, and none that it needs."""
    schema = stage.manifest.settings_schema
    for name in sorted(stage.manifest.test_only_settings):
        if name not in schema.get("properties", {}):
            return f"test_only_settings names {name}, which is not in the schema"
        if name in schema.get("required", ()):
            return f"{name} is for test tenants only, and required of all"
    return None


async def keys_of_a_mode_are_told_by_how_they_begin(stage: Declared) -> Verdict:
    """Settings that say their mode are texts, and each beginning is of one mode alone."""
    manifest = stage.manifest
    properties = manifest.settings_schema.get("properties", {})
    for name, by_mode in sorted(manifest.mode_prefixes.items()):
        if properties.get(name, {}).get("type") != "string":
            return f"mode_prefixes names {name}, which is no text setting"
        if not by_mode.keys() <= _MODES:
            return f"mode_prefixes of {name} names another mode than test and live"
        told = [(mode, one) for mode, prefixes in by_mode.items() for one in prefixes]
        for mode, one in told:
            if any(other != mode and two.startswith(one) for other, two in told):
                return f"{one!r} begins keys of {name} of both modes"
    return None


async def versions_of_state_are_numbers(stage: Declared) -> Verdict:
    """Attempts that older versions began are told by whole numbers from 1, its own the newest."""
    manifest = stage.manifest
    older = manifest.reads_states
    if manifest.state_version < 1 or any(one < 1 for one in older):
        return "a version of state is below 1"
    if any(one >= manifest.state_version for one in older):
        return f"reads states {sorted(older)}, which are not older than {manifest.state_version}"
    return None


async def older_settings_lead_to_the_schema(stage: Declared) -> Verdict:
    """Steps go upwards to this version at most, and from old names to settings that there are."""
    manifest = stage.manifest
    properties = manifest.settings_schema.get("properties", {})
    versions = [_numbers(one.version) for one in manifest.settings_migrations]
    if None in versions:
        return "the version of a step is not like 1.2.3"
    if versions != sorted(set(versions), key=lambda one: one or ()):
        return "the steps are not in the order of their versions, each once"
    if versions and (versions[-1] or ()) > (_numbers(manifest.version) or ()):
        return f"the last step leads past version {manifest.version}"
    named: set[str] = set()
    for step in reversed(manifest.settings_migrations):
        for name in (*step.renamed.values(), *step.values, *step.added):
            if name not in properties and name not in named:
                return f"a step leads to {name}, which is no setting"
        # An older step may lead to what a newer one renames or drops.
        named |= {*step.renamed, *step.removed}
    return None


def _numbers(version: str) -> tuple[int, ...] | None:
    found = _VERSION.fullmatch(version)
    return tuple(int(one) for one in re.findall(r"\d+", version)[:3]) if found else None


async def the_settings_fit_the_schema(stage: Declared) -> Verdict:
    """The run's own settings name known fields only and lack no required one."""
    schema = stage.manifest.settings_schema
    unknown = sorted(set(stage.settings) - set(schema.get("properties", {})))
    missing = sorted(set(schema.get("required", ())) - set(stage.settings))
    if unknown:
        return f"settings not in the schema: {', '.join(unknown)}"
    if missing:
        return f"required settings missing: {', '.join(missing)}"
    return None


CHECKS: tuple[Callable[[Declared], Awaitable[Verdict]], ...] = (
    the_manifest_is_well_formed,
    the_manifest_fits_this_api,
    the_settings_schema_is_closed,
    secret_fields_are_settings,
    archived_fields_are_names,
    the_header_of_request_ids_is_a_name,
    test_only_settings_can_be_left_out,
    keys_of_a_mode_are_told_by_how_they_begin,
    versions_of_state_are_numbers,
    older_settings_lead_to_the_schema,
    the_settings_fit_the_schema,
)
