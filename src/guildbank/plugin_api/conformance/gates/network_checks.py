"""Checks of a gate whose peer or history is away: who cannot say yes has not said it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.stage import GateCheck, GateStage
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.networks import AWAY, RUBBISH, Network, undeclared
from guildbank.plugin_api.history import PastPurchase
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Annotated, PurchaseView


async def only_declared_hosts_are_asked(stage: GateStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    for purchase in stage.purchases():
        network = Hostile(None)
        await _admits(stage, purchase, stage.elsewhere(network))
        strange = undeclared(stage.manifest, network.asked)
        if strange:
            return f"{strange} is asked and not declared"
    return None


async def nobody_is_admitted_while_the_peer_is_away(stage: GateStage) -> Verdict:
    """Silence, delay and errors of a peer whose word counts are no yes: raise or veto."""
    return await _none_admitted(stage, AWAY)


async def nobody_is_admitted_on_rubbish(stage: GateStage) -> Verdict:
    """An answer that is not the peer's is no yes either."""
    return await _none_admitted(stage, RUBBISH)


async def nobody_is_admitted_while_the_history_is_away(stage: GateStage) -> Verdict:
    """Who counts what was bought, and cannot, raises or vetoes."""
    if not stage.manifest.fail_closed:
        return NotRun("the manifest says fail_closed=False: who cannot be asked lets through")
    for purchase in stage.purchases():
        away = NoHistory()
        context = msgspec.structs.replace(stage.context, history=away)
        was, fault = await _admits(stage, purchase, context)
        if fault:
            return fault
        if was and away.asked:
            return "the history did not answer, and a purchase is admitted"
    return None


class NoHistory:
    """A history that cannot be read."""

    def __init__(self) -> None:
        self.asked = False

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Fail as a database does that is away."""
        self.asked = True
        raise ConnectionError("the database does not answer")

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Fail alike."""
        self.asked = True
        raise ConnectionError("the database does not answer")


async def _none_admitted(stage: GateStage, networks: Mapping[str, Network]) -> Verdict:
    """Ask about all purchases in all networks at once, so that the wait is one timeout."""
    if not stage.manifest.fail_closed:
        return NotRun("the manifest says fail_closed=False: who cannot be asked lets through")
    tries = [
        (words, purchase, network())
        for words, network in networks.items()
        for purchase in stage.purchases()
    ]
    admitted = await asyncio.gather(
        *(_admits(stage, purchase, stage.elsewhere(network)) for _, purchase, network in tries)
    )
    if stage.manifest.egress_hosts and not any(network.asked for _, _, network in tries):
        return NotRun("no purchase of this run made the gate ask anybody")
    for (words, _, network), (was, fault) in zip(tries, admitted, strict=True):
        if fault:
            return f"{words}: {fault}"
        if was and network.asked:
            return f"{words}, and a purchase is admitted"
    return None


async def _admits(
    stage: GateStage, purchase: PurchaseView, context: Context
) -> tuple[bool, str | None]:
    """Say whether the purchase goes on, and what is wrong with how the gate said so."""
    try:
        answer = await stage.ask(purchase, context)
    except Fault as fault:
        return False, str(fault)
    except Exception:  # whatever it is, raising refuses, which is what a gate shall do here
        return False, None
    return isinstance(answer, Annotated), None


CHECKS: tuple[GateCheck, ...] = (
    only_declared_hosts_are_asked,
    nobody_is_admitted_while_the_peer_is_away,
    nobody_is_admitted_on_rubbish,
    nobody_is_admitted_while_the_history_is_away,
)
