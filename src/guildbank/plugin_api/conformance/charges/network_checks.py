"""Checks of a charge step whose peer is away: who cannot say what is due does not say nothing."""

from guildbank.plugin_api.charges import Charged
from guildbank.plugin_api.conformance.charges.stage import ChargeCheck, ChargeStage
from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.left_alone import Step, asks_declared_hosts, none_goes_on
from guildbank.plugin_api.conformance.networks import AWAY, CUT, HUGE, LATE, RUBBISH

_STEP = Step("step", "the purchase goes on", Charged)


async def only_declared_hosts_are_asked(stage: ChargeStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    return await asks_declared_hosts(stage, _STEP)


async def nothing_is_charged_while_the_peer_is_away(stage: ChargeStage) -> Verdict:
    """Silence, delay and errors of a peer are no lines: raise, and the purchase is refused."""
    return await none_goes_on(stage, _STEP, AWAY)


async def nothing_is_charged_on_rubbish(stage: ChargeStage) -> Verdict:
    """An answer that is not the peer's is none either."""
    return await none_goes_on(stage, _STEP, RUBBISH)


async def nothing_is_charged_on_a_cut_answer(stage: ChargeStage) -> Verdict:
    """A connection that ends within an answer has brought no lines."""
    return await none_goes_on(stage, _STEP, CUT)


async def nothing_is_charged_on_a_late_answer(stage: ChargeStage) -> Verdict:
    """An answer that begins at once and does not end in time is no lines."""
    return await none_goes_on(stage, _STEP, LATE)


async def nothing_is_charged_on_a_huge_answer(stage: ChargeStage) -> Verdict:
    """An answer of megabytes is not read to its end, and is no lines."""
    return await none_goes_on(stage, _STEP, HUGE)


CHECKS: tuple[ChargeCheck, ...] = (
    only_declared_hosts_are_asked,
    nothing_is_charged_while_the_peer_is_away,
    nothing_is_charged_on_rubbish,
    nothing_is_charged_on_a_cut_answer,
    nothing_is_charged_on_a_late_answer,
    nothing_is_charged_on_a_huge_answer,
)
