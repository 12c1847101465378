"""A score refuses from as many points as its step says, and operators read every reason."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web
from tests.pipelines.gates import Gate
from tests.pipelines.scorers import FAR, NEW, Scripted

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.sale import Whence
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.contracts import ScoreLimits
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.dry_run import dry_run
from guildbank.plugin_api import Reason, Scored, Slot


@pytest.fixture
def risk() -> Scripted:
    return Scripted()


@pytest.fixture
async def shop(house: House, risk: Scripted) -> Shop:
    return await open_shop(house, plugins=(("gate", Gate()), ("risk", risk)))


def scorer(refuse: int | None = None, note: int | None = None, word: str = "") -> Step:
    settings = {"word": word} if word else {}
    return Step("risk", "risk", settings, ScoreLimits(refuse, note))


async def run(shop: Shop, *steps: Step, before: tuple[Step, ...] = ()) -> None:
    await shop.publish_stages(Stages(before=before, scorers=steps))


async def checks(shop: Shop, payment: Intent, slot: Slot = Slot.SCORER) -> list[dict[str, Any]]:
    """Return what operators read of the checks of a payment, without how long they took."""
    found = await read_timeline(shop.payments, shop.tenant, payment.id)
    assert not isinstance(found, Refusal)
    return [
        {"said": one.kind, **one.facts, "microseconds": None}
        for one in found
        if one.kind.startswith("check.") and one.facts["slot"] == slot
    ]


@pytest.mark.parametrize(
    ("refuse", "state"), [(75, "failed"), (76, "credited"), (None, "credited")]
)
async def test_a_purchase_is_refused_from_as_many_points_as_the_step_says(
    shop: Shop, refuse: int | None, state: str
) -> None:
    await run(shop, scorer(refuse))
    bought = await shop.buy(await shop.player())
    assert bought.state == state
    assert len(shop.script.requests) == (state == "credited")


async def test_operators_read_every_reason_and_the_player_none(shop: Shop) -> None:
    await run(shop, scorer(70))
    refused = await shop.buy(await shop.player())
    assert refused.problem == "purchase_vetoed"
    assert refused.problem_detail == "This purchase cannot be made now."
    assert await checks(shop, refused) == [
        {
            "said": "check.vetoed", "step": "risk", "plugin": "risk", "slot": "scorer",
            "attempt": 1, "microseconds": None, "code": "score_too_high", "points": 75,
            "reasons": [
                {"code": "far_away", "points": 60, "detail": FAR.detail},
                {"code": "new_player", "points": 15, "detail": NEW.detail},
            ],
        }
    ]  # fmt: skip


async def test_a_score_that_refuses_nothing_is_kept_too(shop: Shop, risk: Scripted) -> None:
    await run(shop, scorer(80))
    risk.says = lambda _: Scored(points=0)
    [check] = await checks(shop, await shop.buy(await shop.player()))
    assert (check["said"], check["points"], check["reasons"]) == ("check.passed", 0, [])


async def test_a_scorer_weighs_what_the_steps_before_it_noted(shop: Shop, risk: Scripted) -> None:
    await run(shop, scorer(80), before=(Step("gate", "gate", {"word": "odd"}),))
    await shop.buy(await shop.player())
    [purchase] = risk.seen
    assert purchase.annotations == {"gate.word": "odd"}
    assert purchase.payment_id


@pytest.mark.parametrize(("note", "noted"), [(76, None), (75, "75"), (0, "75"), (None, None)])
async def test_from_as_many_points_as_the_step_says_the_score_goes_along_as_notes(
    house: House, note: int | None, noted: str | None
) -> None:
    first, second = Scripted(), Scripted("other")
    shop = await open_shop(house, plugins=(("risk", first), ("other", second)))
    await run(shop, scorer(None, note), Step("other", "other"))
    await shop.buy(await shop.player())
    [seen] = second.seen
    assert seen.annotations.get("risk.points") == noted
    reasons = None if noted is None else "far_away,new_player"
    assert seen.annotations.get("risk.reasons") == reasons


UNSOUND = {
    "raises": RuntimeError("no model"),
    "too many points": Scored(points=101),
    "too few": Scored(points=-1),
    "half a point": Scored(points=7.5),  # type: ignore[arg-type]
    "a yes": Scored(points=True),
    "another answer": None,
    "a reason without a code": Scored(points=1, reasons=(Reason(code="", points=1, detail="x"),)),
    "a reason of two lines": Scored(points=1, reasons=(Reason(code="a", points=1, detail="x\ny"),)),
    "reasons without end": Scored(points=1, reasons=(NEW,) * 21),
}


@pytest.mark.parametrize("said", UNSOUND.values(), ids=UNSOUND.keys())
async def test_without_a_sound_score_a_step_with_a_limit_refuses_and_one_without_goes_on(
    shop: Shop, risk: Scripted, said: object
) -> None:
    risk.says = lambda _: said
    await run(shop, scorer(100))
    refused = await shop.buy(await shop.player())
    assert (refused.state, refused.problem) == ("failed", "gate_unavailable")
    assert [one["said"] for one in await checks(shop, refused)] == ["check.failed"]
    await run(shop, scorer(None, 10))
    passed = await shop.buy(await shop.player())
    assert passed.state == "credited"
    assert [one["said"] for one in await checks(shop, passed)] == ["check.ignored"]


async def test_a_scorer_that_is_gone_or_left_alone_refuses_where_it_has_a_limit(
    shop: Shop, risk: Scripted
) -> None:
    risk.says = lambda _: RuntimeError("no model")
    await run(shop, scorer(90))
    states = [(await shop.buy(await shop.player())).state for _ in range(12)]
    assert states == ["failed"] * 12
    assert len(risk.seen) == 10
    risk.says = lambda _: Scored(points=0)
    assert (await shop.buy(await shop.player())).state == "failed"
    await run(shop, scorer())
    assert (await shop.buy(await shop.player())).state == "credited"
    del shop.payments.plugins._slots[Slot.SCORER]["risk"]
    assert (await shop.buy(await shop.player())).state == "credited"


async def test_the_buyers_address_is_in_no_reason_that_is_kept(shop: Shop, risk: Scripted) -> None:
    said = Reason(code="far_away", points=1, detail="Bought at 203.0.113.7 by somebody.")
    risk.says = lambda _: Scored(points=1, reasons=(said,))
    await run(shop, scorer())
    bought = await shop.buy(await shop.player(), whence=Whence("203.0.113.7"))
    [check] = await checks(shop, bought)
    assert check["reasons"][0]["detail"] == "Bought at (address) by somebody."


async def test_a_stricter_limit_binds_those_who_wait_and_weighs_the_newest_notes(
    shop: Shop, risk: Scripted
) -> None:
    await run(shop, scorer(90))
    shop.script.on_create = DECLINED
    waits = await shop.buy(await shop.player())
    await run(shop, scorer(70), before=(Step("gate", "gate", {"word": "new"}),))
    refusal = await shop.retry(waits)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.extra["veto"]) == ("purchase_vetoed", "score_too_high")
    assert [one.annotations for one in risk.seen[1:]] == [{"gate.word": "new"}] * 2


async def test_a_dry_run_holds_scores_of_then_against_other_limits(house: House) -> None:
    far = Scripted("far", egress_hosts=("scores.example",))
    shop = await open_shop(house, plugins=(("far", far),))
    await run(shop, Step("far", "far", {}, ScoreLimits(80)))
    await shop.buy(await shop.player())
    far.seen.clear()
    for refuse, by in ((75, "far"), (76, None), (None, None)):
        drafted = Stages(scorers=(Step("far", "far", {}, ScoreLimits(refuse)),))
        replayed = await dry_run(shop.payments.pipelines, shop.tenant, "packs", drafted, 5)
        assert not isinstance(replayed, Refusal)
        assert [one.after.refused_by for one in replayed] == [by]
    assert far.seen == []


async def test_a_dry_run_asks_a_scorer_that_only_computes(shop: Shop, risk: Scripted) -> None:
    await shop.buy(await shop.player())
    drafted = Stages(scorers=(scorer(75),))
    replayed = await dry_run(shop.payments.pipelines, shop.tenant, "packs", drafted, 5)
    assert not isinstance(replayed, Refusal)
    assert [one.after.refused_by for one in replayed] == ["risk"]
    assert len(risk.seen) == 1


async def test_a_revision_over_http_has_the_limits_that_were_sent(shop: Shop) -> None:
    limited = {"id": "risk", "plugin": "risk", "refuseFrom": 80, "annotateFrom": 20}
    async with await Web(shop).machine() as machine:
        sent = {"stages": {"scorers": [limited, {"id": "other", "plugin": "risk"}]}}
        key = {"idempotency-key": "one"}
        saved = await machine.post("/v1/pipelines/packs/revisions", json=sent, headers=key)
        assert saved.status_code == 201, saved.text
        number = saved.json()["revision"]
        read = await machine.get(f"/v1/pipelines/packs/revisions/{number}")
        first, second = read.json()["stages"]["scorers"]
        assert first == {**limited, "settings": {}}
        assert (second["refuseFrom"], second["annotateFrom"]) == (None, None)
        for bad in ({"refuseFrom": 0}, {"refuseFrom": 101}, {"annotateFrom": -1}):
            wrong = {"stages": {"scorers": [{**limited, **bad}]}}
            answer = await machine.post("/v1/pipelines/packs/check", json=wrong)
            assert answer.status_code == 422, bad
        misplaced = {"stages": {"before": [{"id": "gate", "plugin": "gate", "refuseFrom": 80}]}}
        answer = await machine.post("/v1/pipelines/packs/check", json=misplaced)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")


async def test_only_scorers_have_limits_and_each_slot_its_own_plugins(shop: Shop) -> None:
    pipelines = shop.payments.pipelines
    limited = Stages(before=(Step("gate", "gate", {}, ScoreLimits(5)),))
    [problem] = await find_problems(pipelines, shop.tenant, "packs", limited)
    assert problem.field == "stages.before.0.limits"
    misplaced = Stages(scorers=(Step("gate", "gate"),))
    [problem] = await find_problems(pipelines, shop.tenant, "packs", misplaced)
    assert problem.field == "stages.scorers.0.plugin"
