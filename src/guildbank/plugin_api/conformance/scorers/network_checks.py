"""Checks of a scorer whose peer or history is away: who cannot say does not say 0."""

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.left_alone import (
    Step,
    asks_declared_hosts,
    none_goes_on,
    none_goes_on_without_history,
)
from guildbank.plugin_api.conformance.networks import AWAY, CUT, HUGE, LATE, RUBBISH
from guildbank.plugin_api.conformance.scorers.stage import ScorerCheck, ScorerStage

_STEP = Step("scorer", "a purchase is scored")


async def only_declared_hosts_are_asked(stage: ScorerStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    return await asks_declared_hosts(stage, _STEP)


async def nobody_is_scored_while_the_peer_is_away(stage: ScorerStage) -> Verdict:
    """Silence, delay and errors of a peer are no score: raise, and the step decides."""
    return await none_goes_on(stage, _STEP, AWAY)


async def nobody_is_scored_on_rubbish(stage: ScorerStage) -> Verdict:
    """An answer that is not the peer's is no score either."""
    return await none_goes_on(stage, _STEP, RUBBISH)


async def nobody_is_scored_on_a_cut_answer(stage: ScorerStage) -> Verdict:
    """A connection that ends within an answer has brought no score."""
    return await none_goes_on(stage, _STEP, CUT)


async def nobody_is_scored_on_a_late_answer(stage: ScorerStage) -> Verdict:
    """An answer that begins at once and does not end in time is no score."""
    return await none_goes_on(stage, _STEP, LATE)


async def nobody_is_scored_on_a_huge_answer(stage: ScorerStage) -> Verdict:
    """An answer of megabytes is not read to its end, and is no score."""
    return await none_goes_on(stage, _STEP, HUGE)


async def nobody_is_scored_while_the_history_is_away(stage: ScorerStage) -> Verdict:
    """Who counts what was bought, and cannot, raises."""
    return await none_goes_on_without_history(stage, _STEP)


CHECKS: tuple[ScorerCheck, ...] = (
    only_declared_hosts_are_asked,
    nobody_is_scored_while_the_peer_is_away,
    nobody_is_scored_on_rubbish,
    nobody_is_scored_on_a_cut_answer,
    nobody_is_scored_on_a_late_answer,
    nobody_is_scored_on_a_huge_answer,
    nobody_is_scored_while_the_history_is_away,
)
