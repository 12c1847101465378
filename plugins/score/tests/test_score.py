"""A score is the sum of the rules that hold, and each reason says what was seen."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.purchases import NOON, bought, context, past

from guildbank.plugin_api import MAX_PAST, PastPurchase, PastState, PurchaseView, Reason, Scored
from guildbank.plugin_api.conformance import (
    SCORER_CHECKS,
    ScorerRehearsal,
    run_scorer_conformance,
)
from guildbank.plugin_host import Plugins, check_settings
from guildbank_score.manifest import MANIFEST
from guildbank_score.plugin import PLUGIN
from guildbank_score.settings import read
from guildbank_score.weighing import NoScore, weigh

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text()


def rule(code: str = "one", points: int = 30, **subject: Any) -> dict[str, Any]:
    return {"code": code, "points": points, "detail": "It looks odd.", **subject}


MISMATCH = rule("country_mismatch", annotation="signals.mismatch", values=["yes"])
SHARED = rule("device_shared", 25, annotation="signals.shared_device", at_least=3)
NO_DEVICE = rule("no_device", 10, annotation="signals.shared_device", missing=True)
MANY = rule("many", 20, history="purchases", within_hours=24, at_least=3)
DECLINES = rule("declines", 40, history="declines", within_hours=1, at_least=2)
REGULAR = rule("regular", -50, history="paid", within_hours=720, at_least=5)
NEW = rule("new", 15, history="paid", within_hours=720, at_most=0)
BACK = rule("money_back", 60, history="returned", within_hours=720, at_least=1)
LARGE = rule("large", 35, price_in="EUR", at_least=5_000)
ALL = [MISMATCH, SHARED, NO_DEVICE, MANY, DECLINES, REGULAR, NEW, BACK, LARGE]


async def scored(
    *rules: dict[str, Any],
    purchase: PurchaseView | None = None,
    before: Sequence[PastPurchase] = (),
) -> Scored:
    found = context({"rules": list(rules)}, bought=before)
    return await PLUGIN.score(found, purchase or bought())


async def codes(*rules: dict[str, Any], **more: Any) -> list[str]:
    return [one.code for one in (await scored(*rules, **more)).reasons]


def noted(**notes: str) -> PurchaseView:
    return bought(annotations={f"signals.{name}": text for name, text in notes.items()})


def test_the_scorer_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert check_settings(MANIFEST, {"rules": ALL}) is None
    assert PLUGIN.check_settings({"rules": ALL}) == []


async def test_what_holds_adds_up_and_says_what_it_saw() -> None:
    purchase = msgspec.structs.replace(noted(mismatch="yes", shared_device="4"), amount_minor=5_000)
    answer = await scored(MISMATCH, SHARED, NO_DEVICE, LARGE, purchase=purchase)
    assert answer.points == 90
    assert answer.reasons == (
        Reason(
            code="country_mismatch", points=30, detail="It looks odd. (signals.mismatch is yes)"
        ),
        Reason(
            code="device_shared", points=25, detail="It looks odd. (signals.shared_device is 4)"
        ),
        Reason(
            code="large", points=35,
            detail="It looks odd. (the price is 5000 in minor units of EUR)",
        ),
    )  # fmt: skip


async def test_nothing_that_holds_is_a_score_of_nothing() -> None:
    assert await scored(MISMATCH, SHARED, LARGE, purchase=noted(mismatch="no")) == Scored(points=0)


@pytest.mark.parametrize(
    ("rules", "points"),
    [
        ((rule("a", 80), rule("b", 70)), 100),
        ((rule("a", -80),), 0),
        ((rule("a", 80), rule("b", -30)), 50),
    ],
)
async def test_a_score_is_between_nothing_and_a_hundred(rules: tuple[dict], points: int) -> None:
    holds = [{**one, "price_in": "EUR", "at_least": 0} for one in rules]
    assert (await scored(*holds)).points == points


async def test_what_nobody_noted_is_a_reason_only_where_a_rule_says_so() -> None:
    assert await codes(MISMATCH, SHARED, NO_DEVICE) == ["no_device"]
    assert await codes(NO_DEVICE, purchase=noted(shared_device="0")) == []


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", " 3", "1_0", "³", "٣"])
async def test_a_number_that_is_none_gives_no_score(text: str) -> None:
    with pytest.raises(NoScore, match="device_shared needs a whole number"):
        await scored(SHARED, purchase=noted(shared_device=text))


async def test_prices_in_another_money_are_not_compared() -> None:
    assert await codes(LARGE, purchase=bought(amount_minor=90_000, currency="JPY")) == []
    assert await codes(LARGE, purchase=bought(amount_minor=4_999)) == []


async def test_purchases_count_by_what_became_of_them_and_when() -> None:
    own = past(0, payment_id=bought().payment_id, state=PastState.OPEN)
    paid = [past(minutes) for minutes in (10, 20, 30, 2_000)]
    back = past(40, state=PastState.RETURNED)
    assert await codes(MANY, NEW, BACK, before=[own, *paid[:2]]) == []
    assert await codes(MANY, NEW, before=[own, *paid]) == ["many"]
    assert await codes(BACK, NEW, before=[own, back]) == ["new", "money_back"][::-1]
    assert await codes(REGULAR, before=[own, *paid]) == []
    assert await codes(REGULAR, before=[own, *paid, past(50)]) == ["regular"]


async def test_declined_tries_count_also_those_of_the_purchase_itself() -> None:
    ago = [past(minutes).created_at for minutes in (5, 10, 90)]
    own = past(100, payment_id=bought().payment_id, state=PastState.OPEN, declined_at=(ago[0],))
    assert await codes(DECLINES, before=[own]) == []
    older = past(200, state=PastState.FAILED, declined_at=(ago[1], ago[2]))
    assert await codes(DECLINES, before=[own, older]) == ["declines"]


async def test_a_player_whose_purchases_are_not_all_told_gets_no_score() -> None:
    crowd = [past(number / 100, payment_id=f"pay_{number}") for number in range(MAX_PAST)]
    with pytest.raises(NoScore, match="not all are told"):
        await scored(MANY, before=crowd)


async def test_rules_that_count_nothing_ask_for_no_history() -> None:
    without = msgspec.structs.replace(context({"rules": [LARGE]}), history=None)
    assert (await PLUGIN.score(without, bought())).points == 0
    counting = msgspec.structs.replace(without, settings={"rules": [MANY]})
    with pytest.raises(LookupError):
        await PLUGIN.score(counting, bought())


@pytest.mark.parametrize(
    ("rules", "field", "words"),
    [
        ([rule()], "rules.0", "has 0"),
        ([rule(annotation="a.b", missing=True, price_in="EUR")], "rules.0", "has 2"),
        ([rule(annotation="a.b")], "rules.0", "one of the three"),
        ([rule(annotation="a.b", values=["x"], missing=True)], "rules.0", "one of the three"),
        ([rule(annotation="a.b", at_least=5, at_most=4)], "rules.0.at_most", "never holds"),
        ([rule(annotation="a.b", missing=True, within_hours=1)], "rules.0.within_hours", "time"),
        ([rule(price_in="EUR")], "rules.0", "at_least"),
        ([rule(price_in="EUR", at_least=1, missing=True)], "rules.0", "price_in"),
        ([rule(price_in="XXY", at_least=1)], "rules.0.price_in", "XXY"),
        ([rule(price_in="EUR", at_least=1, within_hours=1)], "rules.0.within_hours", "price"),
        ([rule(history="paid", at_least=1)], "rules.0", "within_hours"),
        ([rule(history="paid", within_hours=1, at_least=500)], "rules.0", "499"),
        ([rule(points=0, annotation="a.b", missing=True)], "rules.0.points", "nothing"),
        ([NEW, {**LARGE, "code": "new"}], "rules.1.code", "rules.0"),
    ],
)
def test_a_rule_that_says_nothing_is_named(
    rules: list[dict[str, Any]], field: str, words: str
) -> None:
    assert check_settings(MANIFEST, {"rules": rules}) is None
    [problem] = PLUGIN.check_settings({"rules": rules})
    assert problem.field == field
    assert words in problem.detail


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"points": 101}, "settings.rules.0.points"),
        ({"code": "Odd!"}, "settings.rules.0.code"),
        ({"weight": 3}, "settings.rules.0"),
        ({"within_hours": 745}, "settings.rules.0.within_hours"),
        ({"history": "gifts"}, "settings.rules.0.history"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(changed: dict[str, Any], field: str) -> None:
    refusal = check_settings(MANIFEST, {"rules": [{**MANY, **changed}]})
    assert refusal is not None
    assert refusal.field == field


def test_the_table_of_the_page_can_be_set_and_says_what_the_page_says() -> None:
    [example] = re.findall(r'^```text\n(\{"rules": .*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    settings = msgspec.json.decode(example)
    assert check_settings(MANIFEST, settings) is None
    assert PLUGIN.check_settings(settings) == []
    shared = next(one for one in read(settings).rules if one.code == "device_shared")
    answer = weigh([shared], (), NOON, noted(shared_device="4"), NOON)
    assert f'"{answer.reasons[0].detail}"' in PAGE


WRONG = ("rubbish", "a_cut_answer", "a_late_answer", "a_huge_answer")


async def test_the_contract_of_scorers_holds() -> None:
    risky = msgspec.structs.replace(noted(mismatch="yes", shared_device="9"), amount_minor=9_000)
    rehearsal = ScorerRehearsal(risky=risky, plain=noted(mismatch="no", shared_device="0"))
    checks = await run_scorer_conformance(PLUGIN, context({"rules": ALL}), rehearsal)
    assert len(checks) == len(SCORER_CHECKS)
    not_passed = {check.name: check.detail for check in checks if not check.passed}
    calls_nobody = {check.name for check in checks if not check.applies}
    assert calls_nobody == {
        "nobody_is_scored_while_the_peer_is_away",
        *(f"nobody_is_scored_on_{what}" for what in WRONG),
    }
    assert set(not_passed) - calls_nobody == {"it_makes_ready_and_again", "no_secret_is_shown"}
