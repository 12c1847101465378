"""A gate of operations on coins passes the contract, and each way to break it fails its check."""

import json
from collections.abc import Callable

import msgspec
import pytest
from tests.plugin_api.gatekeeper import (
    CUT,
    ENDLESS,
    HOST,
    HUGE,
    MANIFEST,
    Gatekeeper,
    context,
    said,
)

from guildbank.plugin_api import (
    BEFORE_MOVES,
    Annotated,
    Context,
    Judged,
    Judgement,
    MoveView,
    NoAnswer,
    PurchaseView,
    Veto,
)
from guildbank.plugin_api.conformance import (
    OPERATION_CHECKS,
    PURCHASE,
    Check,
    GateRehearsal,
    run_gate_conformance,
)

MOVING = msgspec.structs.replace(MANIFEST, capabilities=frozenset({BEFORE_MOVES}))
AWAY = "no_operation_passes_while_the_peer_is_away"


class Judge(Gatekeeper):
    """Asks about operations as it does about purchases."""

    said = MOVING

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        answer = await context.http.send("GET", f"https://{HOST}/score")
        if answer.status != 200 or not isinstance(json.loads(answer.body)["score"], int):
            raise RuntimeError("no score came")
        return Judged(tuple(Judgement() for _ in moves))


class AnswersOnce(Judge):
    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        return Judged((Judgement(),))


class VetoesWithoutAWord(Judge):
    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        veto = Veto(code="Too Many", detail="")
        return Judged(tuple(Judgement(veto=veto) for _ in moves))


class VetoesThoughItMayBeSkipped(Judge):
    said = msgspec.structs.replace(MOVING, fail_closed=False)

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        return Annotated()

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        veto = Veto(code="too_many", detail="These are too many.")
        return Judged(tuple(Judgement(veto=veto) for _ in moves))


def passing(wrong: Callable[[Exception], bool]) -> type[Judge]:
    class LetsThrough(Judge):
        async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
            try:
                return await super().before_moves(context, moves)
            except (NoAnswer, RuntimeError, ValueError) as error:
                if wrong(error):
                    return Judged(tuple(Judgement() for _ in moves))
                raise

    return LetsThrough


async def run(gate: Gatekeeper) -> dict[str, Check]:
    rehearsal = GateRehearsal(
        vetoed=msgspec.structs.replace(PURCHASE, coins=5_001), admitted=PURCHASE
    )
    checks = await run_gate_conformance(gate, context(), rehearsal)
    return {check.name: check for check in checks}


async def test_a_sound_gate_of_operations_passes_every_check() -> None:
    told = await run(Judge())
    assert {check.__name__ for check in OPERATION_CHECKS} <= told.keys()
    assert [one for one in told.values() if one.applies and not one.passed] == []


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        (AnswersOnce, "every_operation_gets_an_answer_of_its_own"),
        (VetoesWithoutAWord, "every_operation_gets_an_answer_of_its_own"),
        (VetoesThoughItMayBeSkipped, "who_may_be_skipped_vetoes_nothing"),
        (passing(lambda error: "nobody answers" in str(error)), AWAY),
        (passing(lambda error: "no score came" in str(error)), AWAY),
        (passing(lambda error: isinstance(error, ValueError)), AWAY),
        (passing(said(CUT)), AWAY),
        (passing(said(ENDLESS)), AWAY),
        (passing(said(HUGE)), AWAY),
    ],
    ids=["once", "wordless", "skipped", "silence", "errors", "rubbish", "cut", "late", "huge"],
)
async def test_an_unsound_gate_of_operations_is_told_its_fault(
    gate: type[Judge], fault: str
) -> None:
    check = (await run(gate()))[fault]
    assert (check.ran, check.passed) == (True, False)
    assert check.detail
