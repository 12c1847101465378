"""Checks of a gate whose peer or history is away: who cannot say yes has not said it."""

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.stage import GateCheck, GateStage
from guildbank.plugin_api.conformance.left_alone import (
    Step,
    asks_declared_hosts,
    none_goes_on,
    none_goes_on_without_history,
)
from guildbank.plugin_api.conformance.networks import AWAY, CUT, HUGE, LATE, RUBBISH
from guildbank.plugin_api.stages import Annotated

_STEP = Step("gate", "a purchase is admitted", Annotated)
_LETS_THROUGH = NotRun("the manifest says fail_closed=False: who cannot be asked lets through")


async def only_declared_hosts_are_asked(stage: GateStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    return await asks_declared_hosts(stage, _STEP)


async def nobody_is_admitted_while_the_peer_is_away(stage: GateStage) -> Verdict:
    """Silence, delay and errors of a peer whose word counts are no yes: raise or veto."""
    closed = stage.manifest.fail_closed
    return await none_goes_on(stage, _STEP, AWAY) if closed else _LETS_THROUGH


async def nobody_is_admitted_on_rubbish(stage: GateStage) -> Verdict:
    """An answer that is not the peer's is no yes either."""
    closed = stage.manifest.fail_closed
    return await none_goes_on(stage, _STEP, RUBBISH) if closed else _LETS_THROUGH


async def nobody_is_admitted_on_a_cut_answer(stage: GateStage) -> Verdict:
    """A connection that ends within an answer has brought no yes."""
    closed = stage.manifest.fail_closed
    return await none_goes_on(stage, _STEP, CUT) if closed else _LETS_THROUGH


async def nobody_is_admitted_on_a_late_answer(stage: GateStage) -> Verdict:
    """An answer that begins at once and does not end in time is no yes."""
    closed = stage.manifest.fail_closed
    return await none_goes_on(stage, _STEP, LATE) if closed else _LETS_THROUGH


async def nobody_is_admitted_on_a_huge_answer(stage: GateStage) -> Verdict:
    """An answer of megabytes is not read to its end, and is no yes."""
    closed = stage.manifest.fail_closed
    return await none_goes_on(stage, _STEP, HUGE) if closed else _LETS_THROUGH


async def nobody_is_admitted_while_the_history_is_away(stage: GateStage) -> Verdict:
    """Who counts what was bought, and cannot, raises or vetoes."""
    closed = stage.manifest.fail_closed
    return await none_goes_on_without_history(stage, _STEP) if closed else _LETS_THROUGH


CHECKS: tuple[GateCheck, ...] = (
    only_declared_hosts_are_asked,
    nobody_is_admitted_while_the_peer_is_away,
    nobody_is_admitted_on_rubbish,
    nobody_is_admitted_on_a_cut_answer,
    nobody_is_admitted_on_a_late_answer,
    nobody_is_admitted_on_a_huge_answer,
    nobody_is_admitted_while_the_history_is_away,
)
