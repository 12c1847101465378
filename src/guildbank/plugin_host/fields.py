"""Help a person fill in settings: what a field may be, what is wrong with it, who is well."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec
import structlog

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    MAX_OPTION_TEXT,
    MAX_OPTIONS,
    ChecksFields,
    Context,
    Health,
    Manifest,
    OffersOptions,
    Option,
    SettingProblem,
    TellsHealth,
)
from guildbank.plugin_host.apart import Withheld
from guildbank.plugin_host.trying import Tried, try_connection
from guildbank.plugin_host.words import shown, words_of

log = structlog.get_logger(__name__)


class Offered(NamedTuple):
    """What a field may be; None where its plugin cannot say now, and why, in a sentence."""

    options: Sequence[Option] | None
    detail: str


def unknown_field(manifest: Manifest, field: str) -> Refusal | None:
    """Return `invalid_settings` for a name that is none of the plugin's settings."""
    if field in manifest.settings_schema.get("properties", {}):
        return None
    detail = f"{manifest.id} has no setting of this name; its schema names them."
    return Refusal(code="invalid_settings", detail=detail, field="field")


async def offer_options(
    plugin: object, manifest: Manifest, context: Context, field: str
) -> Offered:
    """Return what the field may be, the others being as in the context.

    Those of the schema where the plugin offers none. Whatever it raises, a time-out too, is no
    answer.
    """
    if not isinstance(plugin, OffersOptions) or isinstance(plugin, Withheld):
        named = manifest.settings_schema["properties"][field].get("enum", ())
        options = [Option(value=one, title=one) for one in named if isinstance(one, str)]
        detail = "These are the only ones." if options else "Any that fits the schema."
        return Offered(options, detail)
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            found = await plugin.options(context, field)
        return Offered(_checked(manifest, context, found), "These are offered now.")
    except TimeoutError:
        return Offered(None, f"There was no answer within {manifest.timeout_seconds} seconds.")
    except Exception as error:  # whatever it is, nothing can be offered
        log.info("options_not_offered", plugin=manifest.id, error=type(error).__name__)
        said = words_of(error, manifest, context.settings)
        return Offered(None, said)


def _checked(manifest: Manifest, context: Context, found: object) -> list[Option]:
    options = msgspec.convert(found, list[Option], from_attributes=True)
    if len(options) > MAX_OPTIONS:
        raise ValueError(f"more than {MAX_OPTIONS} options")
    if any(len(one.value) > MAX_OPTION_TEXT for one in options):
        raise ValueError(f"an option of more than {MAX_OPTION_TEXT} characters")
    if any(shown(one.value, manifest, context.settings) != one.value for one in options):
        raise ValueError("an option that holds a secret, or that is no line of text")
    return [
        Option(
            value=one.value, title=shown(one.title, manifest, context.settings)[:MAX_OPTION_TEXT]
        )
        for one in options
    ]


async def check_field(
    plugin: object, manifest: Manifest, field: str, settings: Mapping[str, Any]
) -> list[SettingProblem]:
    """Return what is wrong with one setting, whether or not the others are filled in yet.

    The schema is asked first; only what fits it is shown to the plugin, beside the event loop.
    """
    schema: Mapping[str, Any] = manifest.settings_schema["properties"][field]
    whole = {**manifest.settings_schema, "properties": {field: schema}, "required": [field]}
    alone = {field: settings[field]} if field in settings else {}
    if field not in settings and field not in manifest.settings_schema.get("required", ()):
        return []
    validator = jsonschema_rs.validator_for(whole, mask="This")
    found = [
        SettingProblem(
            field=".".join(str(part) for part in error.instance_path) or field,
            detail=f"{error.message[:500]}.",
        )
        for error in validator.iter_errors(alone)
    ]
    if found or not isinstance(plugin, ChecksFields) or isinstance(plugin, Withheld):
        return found
    try:
        flaws = list(await asyncio.to_thread(plugin.check_field, field, settings))
    except Exception as error:  # a plugin that cannot judge a field has not found it sound
        said = words_of(error, manifest, settings)
        log.warning("field_not_checked", plugin=manifest.id, error=said)
        detail = f"The plugin could not check it: {said}"
        return [SettingProblem(field=field, detail=detail)]
    return [SettingProblem(field=one.field[:200], detail=one.detail[:500]) for one in flaws[:50]]


async def health_of(plugin: object, manifest: Manifest, context: Context) -> Tried:
    """Return whether the plugin can do its work now, else whether whom it calls answers.

    Whatever it raises, a time-out too, is no.
    """
    if not isinstance(plugin, TellsHealth) or isinstance(plugin, Withheld):
        return await try_connection(plugin, manifest, context)
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            said: object = await plugin.health(context)
        if not isinstance(said, Health):
            raise TypeError("it answered with no Health")
        return Tried(said.well, shown(said.detail, manifest, context.settings))
    except TimeoutError:
        return Tried(False, f"There was no answer within {manifest.timeout_seconds} seconds.")
    except Exception as error:  # whoever cannot say is not well
        return Tried(False, words_of(error, manifest, context.settings))
