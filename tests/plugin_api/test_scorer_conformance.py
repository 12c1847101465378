"""The contract of scorers passes a sound one, and each way to break it fails the check for it."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
import pytest
from tests.plugin_api.gatekeeper import CUT, ENDLESS, HOST, HUGE, UNSPOKEN, context, said

from guildbank.plugin_api import Context, Manifest, NoAnswer, PurchaseView, Reason, Scored, Slot
from guildbank.plugin_api.conformance import (
    PURCHASE,
    SCORER_CHECKS,
    Check,
    ScorerRehearsal,
    run_scorer_conformance,
)

MANIFEST = Manifest(
    id="weigher",
    version="1.0.0",
    slot=Slot.SCORER,
    title="Weigher",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"secret": {"type": "string"}, "most": {"type": "integer"}},
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=(HOST,),
    timeout_seconds=1,
)
RISKY = msgspec.structs.replace(PURCHASE, coins=5_001)
LACKING = {
    "sound_settings_have_no_problem",
    "strange_settings_raise_nothing",
    "it_makes_ready_and_again",
}
Answer = Callable[["Weigher", Context, PurchaseView], Awaitable[object]]


async def soundly(self: "Weigher", context: Context, purchase: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    heard = json.loads(answer.body)["score"] if answer.status == 200 else None
    if type(heard) is not int:
        raise RuntimeError("no score came")
    reasons = [Reason(code="heard", points=heard, detail="The peer said so.")]
    if purchase.coins > context.settings["most"]:
        reasons.append(Reason(code="many_coins", points=50, detail="It buys many coins."))
    return Scored(points=sum(one.points for one in reasons), reasons=tuple(reasons))


class Weigher:
    """A scorer that answers as it is told."""

    said: ClassVar[Manifest] = MANIFEST

    def __init__(self, answer: Answer = soundly) -> None:
        self.answer = answer
        self.asked: list[PurchaseView] = []

    @property
    def manifest(self) -> Manifest:
        return self.said

    async def score(self, context: Context, purchase: PurchaseView) -> Scored:
        self.asked.append(purchase)
        return await self.answer(self, context, purchase)  # type: ignore[return-value]

    def rehearsal(self) -> ScorerRehearsal:
        return ScorerRehearsal(risky=RISKY, plain=PURCHASE)


async def failed(scorer: Weigher) -> dict[str, Check]:
    checks = await run_scorer_conformance(scorer, context())
    assert UNSPOKEN not in str(checks)
    assert len(checks) == len(SCORER_CHECKS)
    return {check.name: check for check in checks if not check.passed}


def described(**change: object) -> Weigher:
    said = msgspec.structs.replace(MANIFEST, **change)
    return type("Described", (Weigher,), {"said": said})()


def saying(points: Any, *reasons: Reason) -> Weigher:
    async def answer(self: Weigher, context: Context, purchase: PurchaseView) -> object:
        await soundly(self, context, purchase)
        return Scored(points=points, reasons=reasons)

    return Weigher(answer)


def reason(**change: Any) -> Reason:
    return msgspec.structs.replace(Reason(code="odd", points=5, detail="It is odd."), **change)


async def test_a_sound_scorer_passes_every_check() -> None:
    told = await failed(Weigher())
    assert set(told) == LACKING
    assert not any(check.ran for check in told.values())


async def needs_a_device(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    assert purchase.device is not None
    return await soundly(self, context, purchase)


async def a_number(*_: object) -> object:
    return 50


async def counts_its_calls(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    return Scored(points=len(self.asked) % 100, reasons=(reason(),))


async def takes_silence_for_nothing(
    self: Weigher, context: Context, purchase: PurchaseView
) -> object:
    try:
        return await soundly(self, context, purchase)
    except Exception:
        return Scored(points=0)


def taking_for_nothing(wrong: Callable[[Exception], bool]) -> Weigher:
    async def answer(self: Weigher, context: Context, purchase: PurchaseView) -> object:
        try:
            return await soundly(self, context, purchase)
        except NoAnswer as silence:
            if wrong(silence):
                return Scored(points=0)
            raise

    return Weigher(answer)


async def believes_any_page(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    if answer.status != 200:
        raise RuntimeError("no score came")
    return Scored(points=1 + (purchase.coins > 5_000), reasons=(reason(),))


async def counts_nothing_as_none(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    assert context.history is not None
    try:
        await context.history.sharers("a", "b", context.now - timedelta(days=1))
    except ConnectionError:
        return Scored(points=0)
    return await soundly(self, context, purchase)


async def strays(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    await context.http.send("GET", "https://elsewhere.example/")
    return await soundly(self, context, purchase)


async def tells_its_secret(self: Weigher, context: Context, purchase: PurchaseView) -> object:
    raise RuntimeError(f"refused {context.settings['secret']}")


@pytest.mark.parametrize(
    ("scorer", "fault"),
    [
        (described(slot=Slot.MIDDLEWARE), "the_manifest_is_well_formed"),
        (described(settings_schema={"type": "object"}), "the_settings_schema_is_closed"),
        (Weigher(needs_a_device), "every_purchase_gets_a_score"),
        (Weigher(a_number), "every_purchase_gets_a_score"),
        (saying(101, reason()), "points_are_whole_and_have_reasons"),
        (saying(-1, reason()), "points_are_whole_and_have_reasons"),
        (saying(7.5, reason()), "points_are_whole_and_have_reasons"),
        (saying(5), "points_are_whole_and_have_reasons"),
        (saying(5, *[reason()] * 21), "reasons_are_codes_and_sentences"),
        (saying(5, reason(code="Odd!")), "reasons_are_codes_and_sentences"),
        (saying(5, reason(points=101)), "reasons_are_codes_and_sentences"),
        (saying(5, reason(detail="E1207")), "reasons_are_codes_and_sentences"),
        (saying(5, reason(detail="two\nlines of it")), "reasons_are_codes_and_sentences"),
        (saying(5, reason(detail="very " * 101)), "reasons_are_codes_and_sentences"),
        (saying(5, reason(detail=f"From {PURCHASE.address}.")), "reasons_are_codes_and_sentences"),
        (saying(5, reason()), "the_risky_purchase_scores_more_than_the_plain_one"),
        (Weigher(counts_its_calls), "the_same_purchase_gets_the_same_score"),
        (Weigher(takes_silence_for_nothing), "nobody_is_scored_while_the_peer_is_away"),
        (Weigher(believes_any_page), "nobody_is_scored_on_rubbish"),
        (taking_for_nothing(said(CUT)), "nobody_is_scored_on_a_cut_answer"),
        (taking_for_nothing(said(ENDLESS)), "nobody_is_scored_on_a_late_answer"),
        (taking_for_nothing(said(HUGE)), "nobody_is_scored_on_a_huge_answer"),
        (Weigher(counts_nothing_as_none), "nobody_is_scored_while_the_history_is_away"),
        (Weigher(strays), "only_declared_hosts_are_asked"),
        (Weigher(tells_its_secret), "no_secret_is_shown"),
    ],
)
async def test_each_sentence_of_the_contract_finds_who_breaks_it(
    scorer: Weigher, fault: str
) -> None:
    told = await failed(scorer)
    assert fault in told
    assert told[fault].ran
    assert told[fault].detail
