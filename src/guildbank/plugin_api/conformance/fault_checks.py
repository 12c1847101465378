"""Checks of a provider whose server answers wrongly: what is no clear answer is none."""

from collections.abc import Sequence

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.failure_checks import call_everything, led_to, nowhere_else
from guildbank.plugin_api.conformance.networks import RUBBISH_BODIES
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.conformance.wrong_servers import CUT, HUGE, LATE, Answering, answering


async def server_errors_are_unknown(stage: Stage) -> Verdict:
    """500, 502 and 503 say nothing about what was done before them: raise or `unknown`."""
    bodies = (b"", b"<html>Bad gateway</html>", b'{"error": {"message": "internal"}}')
    return await _each(stage, [Answering(status, b) for status in (500, 502, 503) for b in bodies])


async def being_told_to_wait_is_unknown(stage: Stage) -> Verdict:
    """429 is about this request and not about an earlier one: raise or `unknown`."""
    return await _each(stage, [Answering(429, b"{}", {"retry-after": "60"})])


async def rubbish_is_unknown(stage: Stage) -> Verdict:
    """200 from whoever is not the provider is no answer of it: raise or `unknown`."""
    return await _each(stage, [Answering(200, body) for body in RUBBISH_BODIES])


async def a_cut_answer_is_unknown(stage: Stage) -> Verdict:
    """A connection that ends in the middle of an answer leaves open what was done."""
    return await _each(stage, CUT)


async def a_late_answer_is_unknown(stage: Stage) -> Verdict:
    """An answer that begins at once and never ends takes no longer than the timeout."""
    return await _each(stage, LATE)


async def a_huge_answer_is_unknown(stage: Stage) -> Verdict:
    """An answer of megabytes is not read to its end, and is none."""
    return await _each(stage, HUGE)


async def _each(stage: Stage, answers: Sequence[Answering]) -> Verdict:
    """Return the first fault among all calls at a server for each of these answers."""
    if stage.rehearsal.redirected is None:
        return nowhere_else(stage)
    for answer in answers:
        async with answering(answer) as server:
            settings = stage.rehearsal.redirected(stage.context.settings, server.url)
            fault = await call_everything(stage, led_to(stage, settings))
        if fault is not None:
            return f"{answer.status} and {answer.body[:30]!r}: {fault}"
        if not server.asked:
            return "no call reached the server: the address was not redirected"
    return None


CHECKS: tuple[CheckFunction, ...] = (
    server_errors_are_unknown,
    being_told_to_wait_is_unknown,
    rubbish_is_unknown,
    a_cut_answer_is_unknown,
    a_late_answer_is_unknown,
    a_huge_answer_is_unknown,
)
