"""The check of a gate that may be skipped: what it forbids would pass as soon as it is away."""

from guildbank.plugin_api.conformance.contracts import DoesNotApply, Verdict
from guildbank.plugin_api.conformance.gates.contracts import GRANT, SPEND, TRANSFER
from guildbank.plugin_api.conformance.gates.move_checks import not_asked
from guildbank.plugin_api.conformance.gates.stage import GateCheck, GateStage, amounts, gaps
from guildbank.plugin_api.moves import BEFORE_MOVES
from guildbank.plugin_api.stages import Veto

_MAY_NOT = "the manifest says fail_closed=False, so it may veto nothing, and it vetoed"


async def who_may_be_skipped_vetoes_nothing(stage: GateStage) -> Verdict:
    """Whoever can veto fails closed: a veto of another is no answer, of purchases and of coins."""
    if stage.manifest.fail_closed:
        return DoesNotApply("the manifest says fail_closed=True: it is never skipped")
    edges = [one for _, one in (*amounts(stage), *gaps(stage))]
    for purchase in (*stage.purchases(), *edges):
        answer = await stage.ask(purchase)
        if isinstance(answer, Veto):
            return f"{_MAY_NOT} a purchase: {answer!r}"
    if BEFORE_MOVES not in stage.manifest.capabilities or not_asked(stage) is not None:
        return None
    for move in (SPEND, GRANT, TRANSFER):
        judged = await stage.ask_moves((move,))
        if any(one.veto is not None for one in judged.judgements):
            return f"{_MAY_NOT} a {move.verb}: {judged.judgements!r}"
    return None


CHECKS: tuple[GateCheck, ...] = (who_may_be_skipped_vetoes_nothing,)
