"""Runs the whole contract of the slot scorer against one plugin."""

import msgspec

from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.contracts import Check
from guildbank.plugin_api.conformance.gates.contracts import RecordedHistory
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.conformance.listening import listening, no_secret_is_shown
from guildbank.plugin_api.conformance.scorers import network_checks, score_checks
from guildbank.plugin_api.conformance.scorers.contracts import ScorerRehearsable, ScorerRehearsal
from guildbank.plugin_api.conformance.scorers.stage import ScorerCheck, ScorerStage
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.scoring import Scorer

SCORER_CHECKS: tuple[ScorerCheck, ...] = (
    *manifest_checks.CHECKS,
    *lifecycle_checks.CHECKS,
    *score_checks.CHECKS,
    *network_checks.CHECKS,
    # Last of all, because it looks at what every other check made the scorer say.
    no_secret_is_shown,
)


async def run_scorer_conformance(
    scorer: Scorer, context: Context, rehearsal: ScorerRehearsal | None = None
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    Without a rehearsal the scorer's own is taken, if it has one. `context.http` is the real
    network. A context without a history gets that of the rehearsal.
    """
    if rehearsal is None:
        rehearsal = scorer.rehearsal() if isinstance(scorer, ScorerRehearsable) else None
    known = rehearsal or ScorerRehearsal()
    if context.history is None:
        history = RecordedHistory(known.past, known.sharers)
        context = msgspec.structs.replace(context, history=history)
    stage = ScorerStage(plugin=scorer, context=context, rehearsal=known)
    with listening(stage.heard):
        *first, last = SCORER_CHECKS
        further = lifecycle_checks.further_checks(scorer)
        ends = lifecycle_checks.ending_checks(scorer)
        return [await judge(check, stage) for check in (*first, *further, *ends, last)]
