"""Checks of what a plugin of any slot says while its settings are filled in, and of its health."""

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any, Protocol

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.manifest_checks import Declared
from guildbank.plugin_api.conformance.networks import in_time
from guildbank.plugin_api.conformance.witness import secrets_in
from guildbank.plugin_api.lifecycle import (
    MAX_OPTION_TEXT,
    MAX_OPTIONS,
    ChecksFields,
    Health,
    OffersOptions,
    Option,
    SettingProblem,
    TellsHealth,
)
from guildbank.plugin_api.provider import Context


class Filled(Declared, Protocol):
    """What these checks need of a stage."""

    @property
    def plugin(self) -> object:
        """The plugin itself."""
        ...

    @property
    def context(self) -> Context:
        """What it is given in this run."""
        ...


async def fields_are_checked_one_by_one(stage: Filled) -> Verdict:
    """Sound fields have no problem, with all others missing too; nothing is changed or raised."""
    assert isinstance(stage.plugin, ChecksFields), "only such a plugin is asked"
    for name, value in stage.settings.items():
        problems = stage.plugin.check_field(name, dict(stage.settings))
        if problems:
            return f"finds a problem in {name}, which is sound: {_said(stage, problems)}"
        alone: Mapping[str, Any] = {name: value}
        before = deepcopy(alone)
        try:
            found = list(stage.plugin.check_field(name, alone))
        except Exception as error:
            return f"raised {type(error).__name__} for {name} with all other fields missing"
        if alone != before:
            return f"changed the setting {name}"
        if not all(isinstance(one, SettingProblem) for one in found):
            return f"returned what is no SettingProblem for {name}"
    return None


async def options_fit_their_fields(stage: Filled) -> Verdict:
    """What a field may be is few, once each, a text without secrets, and found in time."""
    assert isinstance(stage.plugin, OffersOptions), "only such a plugin is asked"
    for name in stage.manifest.settings_schema.get("properties", {}):
        asked = stage.plugin.options(stage.context, name)
        offered = list(await in_time(asked, stage.manifest.timeout_seconds))
        if not all(isinstance(one, Option) for one in offered):
            return f"returned what is no Option for {name}"
        if len(offered) > MAX_OPTIONS:
            return f"offers {len(offered)} options for {name}, and {MAX_OPTIONS} are the most"
        if len({one.value for one in offered}) != len(offered):
            return f"offers one value twice for {name}"
        texts = [text for one in offered for text in (one.value, one.title)]
        if not all(0 < len(text) <= MAX_OPTION_TEXT for text in texts):
            return f"offers an empty or too long text for {name}"
        if any(secret in text for secret in secrets_in(stage.manifest, stage.settings)
               for text in texts):  # fmt: skip
            return f"offers a secret for {name}"
    return None


async def its_health_is_a_sentence(stage: Filled) -> Verdict:
    """Whether it is well it says in time, and without a secret."""
    assert isinstance(stage.plugin, TellsHealth), "only such a plugin is asked"
    said: object = await in_time(stage.plugin.health(stage.context), stage.manifest.timeout_seconds)
    if not isinstance(said, Health) or not said.detail.strip():
        return f"answered {type(said).__name__}, which is no Health with a sentence"
    if any(secret in said.detail for secret in secrets_in(stage.manifest, stage.settings)):
        return "told a secret"
    return None


def _said(stage: Filled, problems: object) -> str:
    text = repr(problems)
    for secret in secrets_in(stage.manifest, stage.settings):
        text = text.replace(secret, "***")
    return text[:200]


def checks_of(plugin: object) -> tuple[Callable[[Filled], Awaitable[Verdict]], ...]:
    """Return what a plugin is asked besides that has these verbs."""
    return (
        *((fields_are_checked_one_by_one,) if isinstance(plugin, ChecksFields) else ()),
        *((options_fit_their_fields,) if isinstance(plugin, OffersOptions) else ()),
        *((its_health_is_a_sentence,) if isinstance(plugin, TellsHealth) else ()),
    )
