"""Checks of a gate that is asked about operations on coins too: an answer for each, and no yes."""

import asyncio
import re

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.contracts import GRANT, SPEND, TRANSFER
from guildbank.plugin_api.conformance.gates.stage import GateCheck, GateStage
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.networks import (
    AWAY,
    CUT,
    HUGE,
    LATE,
    RUBBISH,
    Hanging,
    nobody_asked,
)
from guildbank.plugin_api.moves import MAX_MOVES, ChecksMoveSettings, MoveView
from guildbank.plugin_api.provider import Context

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def not_asked(stage: GateStage) -> NotRun | None:
    """Return why the gate has nothing to say of operations in this run."""
    gate: object = stage.plugin
    if isinstance(gate, ChecksMoveSettings) and gate.check_move_settings(stage.settings):
        return NotRun("the settings of this run are none for operations")
    return None


async def every_operation_gets_an_answer_of_its_own(stage: GateStage) -> Verdict:
    """Asked about one operation, about the most, and about one of several currencies."""
    if (unasked := not_asked(stage)) is not None:
        return unasked
    for one in (SPEND, GRANT, TRANSFER):
        for moves in ((one,), (one,) * MAX_MOVES):
            judged = await stage.ask_moves(moves)
            for veto in (each.veto for each in judged.judgements if each.veto is not None):
                if not _CODE.fullmatch(veto.code) or not veto.detail.strip():
                    return f"a veto of {one.verb} has no code like too_many_coins, or no sentence"
    return None


async def no_operation_passes_while_the_peer_is_away(stage: GateStage) -> Verdict:
    """Silence, delay, errors, rubbish and what is cut off or huge are no yes of a peer."""
    if (unasked := not_asked(stage)) is not None:
        return unasked
    if not stage.manifest.fail_closed:
        return NotRun("the manifest says fail_closed=False: who cannot be asked lets through")
    tries = [
        (words, network(), move)
        for words, network in {**AWAY, **RUBBISH, **CUT, **LATE, **HUGE}.items()
        # How long it is waited for, the core says, and the checks above saw.
        if network is not Hanging
        for move in (SPEND, GRANT)
    ]
    passed = await asyncio.gather(
        *(_passes(stage, move, stage.elsewhere(network)) for _, network, move in tries)
    )
    for (words, network, _), passes in zip(tries, passed, strict=True):
        if passes and network.asked:
            return f"{words}, and an operation passes"
    if any(network.asked for _, network, _ in tries):
        return None
    return nobody_asked(stage.manifest, "no operation of this run made the gate ask anybody")


async def _passes(stage: GateStage, move: MoveView, context: Context) -> bool:
    try:
        judged = await stage.ask_moves((move,), context)
    except Fault:
        raise
    except Exception:  # whatever it is, raising refuses, which is what a gate shall do here
        return False
    return all(one.veto is None and one.no_answer is None for one in judged.judgements)


CHECKS: tuple[GateCheck, ...] = (
    every_operation_gets_an_answer_of_its_own,
    no_operation_passes_while_the_peer_is_away,
)
