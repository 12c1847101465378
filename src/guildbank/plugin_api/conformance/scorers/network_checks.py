"""Checks of a scorer whose peer or history is away: who cannot say does not say 0."""

import asyncio
from collections.abc import Mapping

import msgspec

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.network_checks import NoHistory
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.networks import AWAY, RUBBISH, Network, undeclared
from guildbank.plugin_api.conformance.scorers.stage import ScorerCheck, ScorerStage
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import PurchaseView


async def only_declared_hosts_are_asked(stage: ScorerStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    for purchase in stage.purchases():
        network = Hostile(None)
        await _scores(stage, purchase, stage.elsewhere(network))
        strange = undeclared(stage.manifest, network.asked)
        if strange:
            return f"{strange} is asked and not declared"
    return None


async def nobody_is_scored_while_the_peer_is_away(stage: ScorerStage) -> Verdict:
    """Silence, delay and errors of a peer are no score: raise, and the step decides."""
    return await _none_scored(stage, AWAY)


async def nobody_is_scored_on_rubbish(stage: ScorerStage) -> Verdict:
    """An answer that is not the peer's is no score either."""
    return await _none_scored(stage, RUBBISH)


async def nobody_is_scored_while_the_history_is_away(stage: ScorerStage) -> Verdict:
    """Who counts what was bought, and cannot, raises."""
    for purchase in stage.purchases():
        away = NoHistory()
        context = msgspec.structs.replace(stage.context, history=away)
        was, fault = await _scores(stage, purchase, context)
        if fault:
            return fault
        if was and away.asked:
            return "the history did not answer, and a purchase is scored"
    return None


async def _none_scored(stage: ScorerStage, networks: Mapping[str, Network]) -> Verdict:
    """Ask about all purchases in all networks at once, so that the wait is one timeout."""
    tries = [
        (words, purchase, network())
        for words, network in networks.items()
        for purchase in stage.purchases()
    ]
    scored = await asyncio.gather(
        *(_scores(stage, purchase, stage.elsewhere(network)) for _, purchase, network in tries)
    )
    if stage.manifest.egress_hosts and not any(network.asked for _, _, network in tries):
        return NotRun("no purchase of this run made the scorer ask anybody")
    for (words, _, network), (was, fault) in zip(tries, scored, strict=True):
        if fault:
            return f"{words}: {fault}"
        if was and network.asked:
            return f"{words}, and a purchase is scored"
    return None


async def _scores(
    stage: ScorerStage, purchase: PurchaseView, context: Context
) -> tuple[bool, str | None]:
    """Say whether a score came, and what is wrong with how it did."""
    try:
        await stage.ask(purchase, context)
    except Fault as fault:
        return False, str(fault)
    except Exception:  # whatever it is, raising is what a scorer shall do here
        return False, None
    return True, None


CHECKS: tuple[ScorerCheck, ...] = (
    only_declared_hosts_are_asked,
    nobody_is_scored_while_the_peer_is_away,
    nobody_is_scored_on_rubbish,
    nobody_is_scored_while_the_history_is_away,
)
