"""Rules over operations on coins: what they may name, and what becomes of one without an answer."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.purchases import context

from guildbank.plugin_api import Judgement, MoveView, Veto
from guildbank.plugin_api.conformance import GRANT, SPEND, TRANSFER
from guildbank.plugin_host import check_settings
from guildbank_rule.language import OF_MOVES
from guildbank_rule.manifest import MANIFEST
from guildbank_rule.plugin import PLUGIN

PAGE = (Path(__file__).parents[3] / "docs" / "hooks-of-operations.md").read_text()
NO = {"veto": {"code": "no", "detail": "Not today."}}
VETO = Judgement(veto=Veto(code="no", detail="Not today."))


def rules(*when: str, then: Any = NO) -> dict[str, Any]:
    return {
        "rules": [{"name": f"rule {n}", "when": one, "then": then} for n, one in enumerate(when)]
    }


async def judge(when: str, *moves: MoveView) -> tuple[Judgement, ...]:
    assert PLUGIN.check_move_settings(rules(when)) == []
    return (await PLUGIN.before_moves(context(rules(when)), moves)).judgements


@pytest.mark.parametrize(
    "when",
    [
        "move.verb == 'spend' && move.currency == 'GEM' && move.amount_minor >= 30",
        "move.players.exists(one, one.startsWith('player_')) && move.player_id in move.players",
        "move.amounts.exists(one, one == 'GEM' && move.amounts[one] == 30)",
        "!move.held && move.by.startsWith('app_') && move.reference == 'quest-7'",
        "size(move.metadata) == 0 && !('risk.level' in move.annotations)",
        "now.getHours('UTC') == 12",
    ],
)
async def test_a_rule_decides_by_what_is_known_of_an_operation(when: str) -> None:
    assert await judge(when, SPEND) == (VETO,)
    assert await judge(f"!({when})", SPEND) == (Judgement(),)


async def test_each_operation_is_judged_for_itself() -> None:
    few = (SPEND, msgspec.structs.replace(SPEND, amount_minor=31), SPEND)
    assert await judge("move.amount_minor > 30", *few) == (Judgement(), VETO, Judgement())


async def test_a_transfer_of_several_currencies_has_no_single_amount() -> None:
    [said] = await judge("move.amount_minor > 5", TRANSFER)
    assert said.veto is None
    assert said.no_answer is not None
    assert "'rule 0' has no answer" in said.no_answer
    assert await judge("move.amounts['GOLD'] > 5", TRANSFER) == (VETO,)


async def test_a_rule_that_fails_for_one_operation_says_nothing_of_that_one_alone() -> None:
    known = msgspec.structs.replace(GRANT, metadata={"reason": "sorry"})
    first, second = await judge("move.metadata['reason'] == 'sorry'", GRANT, known)
    assert (first, second) == (Judgement(), VETO)
    [unknown] = await judge("move.metadata['reason'] == 'sorry'", SPEND)
    assert unknown.no_answer is not None
    assert SPEND.players[0] not in unknown.no_answer


@pytest.mark.parametrize(
    "changes",
    [
        {"players": tuple(f"player_{number}" for number in range(51))},
        {"annotations": {f"note-{number}": "" for number in range(51)}},
        {"metadata": {"long": "x" * 1_001}},
    ],
)
async def test_more_than_rules_look_at_is_not_judged(changes: dict[str, Any]) -> None:
    [said] = await judge("true", msgspec.structs.replace(SPEND, **changes))
    assert said.no_answer is not None


async def test_notes_are_kept_where_no_rule_vetoes() -> None:
    noting = rules("move.held", "!move.held", then={"note": {"kind": "plain"}})
    judged = await PLUGIN.before_moves(context(noting), (SPEND,))
    assert judged.judgements == (Judgement(annotations={"kind": "plain"}),)


def test_a_rule_over_purchases_is_none_over_operations_and_the_other_way_round() -> None:
    [problem] = PLUGIN.check_move_settings(rules("payment.amount_minor > 5"))
    assert problem.field == "rules.0.when"
    assert "undeclared reference to 'payment.amount_minor'. A rule may name move." in problem.detail
    [other] = PLUGIN.check_settings(rules("move.amount_minor > 5"))
    assert "undeclared reference to 'move.amount_minor'. A rule may name payment." in other.detail


async def test_it_makes_ready_for_either() -> None:
    await PLUGIN.start(context(rules("payment.amount_minor > 5")))
    await PLUGIN.start(context(rules("move.amount_minor > 5")))


def test_the_page_names_what_a_rule_may_name_and_its_example_can_be_saved() -> None:
    table = PAGE.partition("## Rules")[2].partition("\n\nA transfer")[0]
    assert set(re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE)) == OF_MOVES.keys()
    [body] = re.findall(r"(?s)spend/revisions .*?-d '(.*?)'\ncurl", PAGE)
    example = msgspec.json.decode(
        body.replace("'\"'\"'", "").replace("'\"'GEM'\"'", "GEM").replace("GEM", "'GEM'")
    )
    [step] = example["stages"]["before"]
    assert check_settings(MANIFEST, step["settings"]) is None
    assert PLUGIN.check_move_settings(step["settings"]) == []
