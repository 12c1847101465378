"""Checks of a charge step whose peer is away: who cannot say what is due does not say nothing."""

from guildbank.plugin_api.charges import Charged
from guildbank.plugin_api.conformance.charges.stage import ChargeCheck, ChargeStage
from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.left_alone import Step, asks_declared_hosts, none_goes_on
from guildbank.plugin_api.conformance.networks import AWAY, RUBBISH

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


CHECKS: tuple[ChargeCheck, ...] = (
    only_declared_hosts_are_asked,
    nothing_is_charged_while_the_peer_is_away,
    nothing_is_charged_on_rubbish,
)
