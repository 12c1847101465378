"""Runs the whole contract of the slots entry and middleware against one plugin."""

import msgspec

from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.contracts import Check
from guildbank.plugin_api.conformance.gates import (
    answer_checks,
    move_checks,
    network_checks,
    skipped_checks,
)
from guildbank.plugin_api.conformance.gates.contracts import (
    GateRehearsable,
    GateRehearsal,
    RecordedHistory,
)
from guildbank.plugin_api.conformance.gates.stage import Gate, GateCheck, GateStage
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.conformance.listening import listening, no_secret_is_shown
from guildbank.plugin_api.moves import BEFORE_MOVES
from guildbank.plugin_api.provider import Context

GATE_CHECKS: tuple[GateCheck, ...] = (
    *manifest_checks.CHECKS,
    *lifecycle_checks.CHECKS,
    *answer_checks.CHECKS,
    *network_checks.CHECKS,
    *skipped_checks.CHECKS,
    # Last of all, because it looks at what every other check made the gate say.
    no_secret_is_shown,
)
OPERATION_CHECKS = move_checks.CHECKS
"""Run before the last of those, where the manifest has the capability `before_moves`."""


async def run_gate_conformance(
    gate: Gate, context: Context, rehearsal: GateRehearsal | None = None
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    Without a rehearsal the gate's own is taken, if it has one. `context.http` is the real network:
    a gate that asks a peer asks it, some fifty times. A context without a history gets that of the
    rehearsal.
    """
    if rehearsal is None:
        rehearsal = gate.rehearsal() if isinstance(gate, GateRehearsable) else GateRehearsal()
    if context.history is None:
        context = msgspec.structs.replace(
            context, history=RecordedHistory(rehearsal.past, rehearsal.sharers)
        )
    stage = GateStage(plugin=gate, context=context, rehearsal=rehearsal)
    *first, last = GATE_CHECKS
    further = (
        *(OPERATION_CHECKS if BEFORE_MOVES in gate.manifest.capabilities else ()),
        *lifecycle_checks.further_checks(gate),
        *lifecycle_checks.ending_checks(gate),
    )
    with listening(stage.heard):
        return [await judge(check, stage) for check in (*first, *further, last)]
