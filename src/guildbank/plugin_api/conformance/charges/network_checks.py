"""Checks of a charge step whose peer is away: who cannot say what is due does not say nothing."""

import asyncio
from collections.abc import Mapping

from guildbank.plugin_api.charges import Charged
from guildbank.plugin_api.conformance.charges.stage import ChargeCheck, ChargeStage
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.networks import AWAY, RUBBISH, Network, undeclared
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import PurchaseView


async def only_declared_hosts_are_asked(stage: ChargeStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    for purchase in stage.purchases():
        network = Hostile(None)
        await _charges(stage, purchase, stage.elsewhere(network))
        strange = undeclared(stage.manifest, network.asked)
        if strange:
            return f"{strange} is asked and not declared"
    return None


async def nothing_is_charged_while_the_peer_is_away(stage: ChargeStage) -> Verdict:
    """Silence, delay and errors of a peer are no lines: raise, and the purchase is refused."""
    return await _none_charged(stage, AWAY)


async def nothing_is_charged_on_rubbish(stage: ChargeStage) -> Verdict:
    """An answer that is not the peer's is none either."""
    return await _none_charged(stage, RUBBISH)


async def _none_charged(stage: ChargeStage, networks: Mapping[str, Network]) -> Verdict:
    """Ask about all purchases in all networks at once, so that the wait is one timeout."""
    tries = [
        (words, purchase, network())
        for words, network in networks.items()
        for purchase in stage.purchases()
    ]
    charged = await asyncio.gather(
        *(_charges(stage, purchase, stage.elsewhere(network)) for _, purchase, network in tries)
    )
    if stage.manifest.egress_hosts and not any(network.asked for _, _, network in tries):
        return NotRun("no purchase of this run made the step ask anybody")
    for (words, _, network), (was, fault) in zip(tries, charged, strict=True):
        if fault:
            return f"{words}: {fault}"
        if was and network.asked:
            return f"{words}, and the purchase goes on"
    return None


async def _charges(
    stage: ChargeStage, purchase: PurchaseView, context: Context
) -> tuple[bool, str | None]:
    """Say whether lines came, and what is wrong with how they did."""
    try:
        answer = await stage.ask(purchase, context)
    except Fault as fault:
        return False, str(fault)
    except Exception:  # whatever it is, raising is what a charge step shall do here
        return False, None
    return isinstance(answer, Charged), None


CHECKS: tuple[ChargeCheck, ...] = (
    only_declared_hosts_are_asked,
    nothing_is_charged_while_the_peer_is_away,
    nothing_is_charged_on_rubbish,
)
