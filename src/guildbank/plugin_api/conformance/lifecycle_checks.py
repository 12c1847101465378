"""Checks of what a plugin does before it is asked: it looks at its settings, and makes ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Protocol

import msgspec

from guildbank.plugin_api.conformance import field_checks
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.manifest_checks import Declared
from guildbank.plugin_api.conformance.networks import AWAY, in_time
from guildbank.plugin_api.conformance.witness import secrets_in, words_of
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.lifecycle import (
    PARTING,
    ChecksSettings,
    SettingProblem,
    Starts,
    TriesConnection,
)
from guildbank.plugin_api.provider import Context

_NO_LOOK = NotRun("the plugin has no check_settings")
_STRANGE: tuple[object, ...] = (
    None, True, -1, 0, 2**63, 0.5, "", "x", "\x00", "\ud800", "x" * 10_000,
    [], [None], ["x"] * 1_000, [{}], {}, {"x": None},
)  # fmt: skip


class Parted(Protocol):
    """What the check needs of a stage that a plugin ends."""

    @property
    def plugin(self) -> object:
        """The plugin itself."""
        ...

    @property
    def heard(self) -> list[str]:
        """What it said in words."""
        ...


class Configured(Declared, Protocol):
    """What these checks need of a stage."""

    @property
    def plugin(self) -> object:
        """The plugin itself."""
        ...

    @property
    def context(self) -> Context:
        """What it is given in this run."""
        ...

    @property
    def heard(self) -> list[str]:
        """What it said in words."""
        ...


async def sound_settings_have_no_problem(stage: Configured) -> Verdict:
    """The run's own settings are taken."""
    if not isinstance(stage.plugin, ChecksSettings):
        return _NO_LOOK
    problems = stage.plugin.check_settings(stage.settings)
    return f"finds {problems[0]!r} in the settings of this run" if problems else None


async def strange_settings_raise_nothing(stage: Configured) -> Verdict:
    """Whatever stands in a setting is looked at twice alike, left as it is, and never raised."""
    if not isinstance(stage.plugin, ChecksSettings):
        return _NO_LOOK
    for settings in _variations(stage.manifest.settings_schema, stage.settings):
        shown, before = repr(settings)[:100], deepcopy(settings)
        try:
            problems = list(stage.plugin.check_settings(settings))
            again = list(stage.plugin.check_settings(settings))
        except Exception as error:
            return f"raised {type(error).__name__} for {shown}"
        if settings != before:
            return f"changed the settings {shown}"
        if problems != again:
            return f"said two things of {shown}"
        fault = next(filter(None, (_fault(stage, one) for one in problems)), None)
        if fault:
            return f"{fault} for {shown}"
    return None


async def it_makes_ready_and_again(stage: Configured) -> Verdict:
    """Each process starts a plugin for the settings of each revision, also for the same."""
    if not isinstance(stage.plugin, Starts):
        return NotRun("the plugin has no start")
    for _ in range(2):
        try:
            await in_time(stage.plugin.start(stage.context), stage.manifest.timeout_seconds)
        except Exception as error:
            stage.heard.extend(words_of(error))
            raise
    return None


async def it_drains_and_closes_and_again(stage: Parted) -> Verdict:
    """Each comes to an end in the time that the core gives, in this order, a second time too."""
    for name, verb, seconds in _parting(stage.plugin) * 2:
        try:
            said: object = await in_time(verb(), seconds)
        except (TimeoutError, Fault):
            return f"{name} did not come to an end within {seconds:g} seconds"
        except Exception as error:
            stage.heard.extend(words_of(error))
            return f"{name} raised {type(error).__name__}"
        if said is not None:
            return f"{name} returned {type(said).__name__}, and nothing is expected of it"
    return None


async def nobody_away_is_taken_for_an_answer(stage: Configured) -> Verdict:
    """A connection that is tried, and where nobody does their work, raises."""
    networks = [(words, network()) for words, network in AWAY.items()]
    said = await asyncio.gather(*(_tried(stage, network) for _, network in networks))
    for (words, network), answer in zip(networks, said, strict=True):
        if network.asked and answer is not None:
            return f"{words}, and test_connection returned {answer!r}"
    return None


async def _tried(stage: Configured, http: Http) -> str | None:
    """Return what a try of the connection said in this network, None where it raised."""
    assert isinstance(stage.plugin, TriesConnection), "only such a plugin is tried"
    context = msgspec.structs.replace(stage.context, http=http)
    try:
        said = await in_time(stage.plugin.test_connection(context), stage.manifest.timeout_seconds)
    except Exception as error:  # raising is how a plugin says that nobody answered
        stage.heard.extend(words_of(error))
        return None
    stage.heard.append(repr(said))
    return said


def _fault(stage: Configured, problem: object) -> str | None:
    if not isinstance(problem, SettingProblem):
        return f"returned {problem!r}, which is no SettingProblem"
    if not problem.field or not problem.detail.strip():
        return f"returned {problem!r}, which does not say what is wrong where"
    if any(secret in repr(problem) for secret in secrets_in(stage.manifest, stage.settings)):
        return "told a secret"
    return None


def _variations(
    schema: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield the settings with one of them left out or replaced; most do not fit the schema."""
    yield {}
    yield {**settings, "unknown": "x"}
    for name in schema.get("properties", {}):
        yield {other: value for other, value in settings.items() if other != name}
        for strange in _STRANGE:
            yield {**settings, name: strange}


def _parting(plugin: object) -> list[tuple[str, Callable[[], Awaitable[object]], float]]:
    """Return those verbs by which this plugin ends, with the time of each."""
    verbs = ((name, getattr(plugin, name, None), seconds) for name, seconds in PARTING)
    return [(name, verb, seconds) for name, verb, seconds in verbs if callable(verb)]


def ending_checks(plugin: object) -> tuple[Callable[[Parted], Awaitable[Verdict]], ...]:
    """Return what a plugin is asked when all other calls were made, if it drains or closes."""
    return (it_drains_and_closes_and_again,) if _parting(plugin) else ()


def further_checks(
    plugin: object,
) -> tuple[Callable[[Configured], Awaitable[Verdict]], ...]:
    """Return what a plugin is asked besides that tries its connection, or helps to fill in."""
    tries = (nobody_away_is_taken_for_an_answer,) if isinstance(plugin, TriesConnection) else ()
    return (*tries, *field_checks.checks_of(plugin))


CHECKS: tuple[Callable[[Configured], Awaitable[Verdict]], ...] = (
    sound_settings_have_no_problem,
    strange_settings_raise_nothing,
    it_makes_ready_and_again,
)
