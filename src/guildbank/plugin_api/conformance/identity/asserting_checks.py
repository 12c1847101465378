"""Checks of the capability `asserting`: what was changed names nobody, what was used is known."""

from collections.abc import Iterator, Mapping

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import (
    Hostile,
    IdentityCheck,
    IdentityStage,
    is_no,
)
from guildbank.plugin_api.identity_provider import Verified

NOT_CLAIMED = NotRun("the plugin does not claim the capability asserting")
NOBODY_PLAYS = NotRun("the rehearsal makes no sound assertion")
_NONSENSE = (
    "",
    "\x00",
    "\ud800",
    "é",
    "null",
    "{}",
    "a=b",
    "e30.e30.",
    "..",
    "=&=&=",
    "%ff",
    "0" * 32,
    "[" * 20_000,
    "x" * 30_000,
)
_PLACES = 40
"""How many characters of an assertion are changed, one at a time, spread over the whole."""


async def a_sound_assertion_is_believed(stage: IdentityStage) -> Verdict:
    """It names somebody, and says until when its replay must be refused."""
    if not stage.can("asserting"):
        return NOT_CLAIMED
    if stage.rehearsal.assertion is None:
        return NOBODY_PLAYS
    believed = await stage.verify(await stage.rehearsal.assertion(stage.context))
    if not isinstance(believed, Verified):
        return f"it was answered with {believed!r}"
    if believed.until <= stage.context.now:
        return "its replay need not be refused any more when it is believed"
    return None


async def a_replay_is_known_by_once(stage: IdentityStage) -> Verdict:
    """The same assertion has the same `once` and end or is refused; another has another."""
    if not stage.can("asserting"):
        return NOT_CLAIMED
    if stage.rehearsal.assertion is None:
        return NOBODY_PLAYS
    assertion = await stage.rehearsal.assertion(stage.context)
    first, again = await stage.verify(assertion), await stage.verify(assertion)
    other = await stage.verify(await stage.rehearsal.assertion(stage.context))
    if not isinstance(first, Verified) or not isinstance(other, Verified):
        return f"a sound assertion was answered with {first!r} and {other!r}"
    if isinstance(again, Verified) and again.once != first.once:
        return "one assertion has two values of once"
    if other.once == first.once:
        return "two assertions have the same once"
    if any(value and value in first.once for value in assertion.values()):
        return "once shows the assertion itself"
    return None


async def a_changed_assertion_names_nobody_else(stage: IdentityStage) -> Verdict:
    """One other character: refused, or it says what it said before."""
    if not stage.can("asserting"):
        return NOT_CLAIMED
    if stage.rehearsal.assertion is None:
        return NOBODY_PLAYS
    assertion = await stage.rehearsal.assertion(stage.context)
    first = await stage.verify(assertion)
    if not isinstance(first, Verified):
        return f"a sound assertion was answered with {first!r}"
    for changed in _changed(assertion):
        result = await stage.verify(changed)
        if isinstance(result, Verified) and (result.identity, result.once) != (
            first.identity,
            first.once,
        ):
            return "an assertion with one changed character was believed as another one"
    return None


async def nonsense_is_refused(stage: IdentityStage) -> Verdict:
    """Any text may come as any field; it is refused and never an exception."""
    if not stage.can("asserting"):
        return NOT_CLAIMED
    names = {"x", "id_token", "init_data", "ticket", "code"}
    if stage.rehearsal.assertion is not None:
        names |= (await stage.rehearsal.assertion(stage.context)).keys()
    context = stage.elsewhere(Hostile(None))
    for assertion in ({}, *({name: text} for name in sorted(names) for text in _NONSENSE)):
        result = await stage.verify(assertion, context)
        if not is_no(result):
            return f"believed {str(assertion)[:60]}"
    return None


def _changed(assertion: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    for name, text in assertion.items():
        for place in range(0, len(text), max(1, len(text) // _PLACES)):
            other = "A" if text[place] != "A" else "B"
            yield {**assertion, name: text[:place] + other + text[place + 1 :]}
        yield {**assertion, name: text[:-1]}
        yield {key: value for key, value in assertion.items() if key != name}


CHECKS: tuple[IdentityCheck, ...] = (
    a_sound_assertion_is_believed,
    a_replay_is_known_by_once,
    a_changed_assertion_names_nobody_else,
    nonsense_is_refused,
)
