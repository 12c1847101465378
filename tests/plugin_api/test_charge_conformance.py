"""The contract of charge steps passes a sound one, and each way to break it fails its check."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import msgspec
import pytest
from tests.plugin_api.gatekeeper import CUT, ENDLESS, HOST, HUGE, UNSPOKEN, context, said

from guildbank.plugin_api import (
    Charge,
    Charged,
    Context,
    Manifest,
    NoAnswer,
    PurchaseView,
    Slot,
    base_of,
    levied,
)
from guildbank.plugin_api.conformance import (
    CHARGE_CHECKS,
    PURCHASE,
    ChargeRehearsal,
    Check,
    run_charge_conformance,
)

MANIFEST = Manifest(
    id="taxman",
    version="1.0.0",
    slot=Slot.CHARGE,
    title="Taxman",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"secret": {"type": "string"}, "most": {"type": "integer"}},
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=(HOST,),
    timeout_seconds=1,
)
SPARED = msgspec.structs.replace(PURCHASE, coins=0)
LACKING = {
    "sound_settings_have_no_problem",
    "strange_settings_raise_nothing",
    "it_makes_ready_and_again",
}
Answer = Callable[["Taxman", Context, PurchaseView], Awaitable[object]]


async def soundly(self: "Taxman", context: Context, purchase: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    heard = json.loads(answer.body)["score"] if answer.status == 200 else None
    if type(heard) is not int:
        raise RuntimeError("no rate came")
    if purchase.coins == 0:
        return Charged()
    amount = levied(base_of(purchase.price_minor, purchase.charges, "price"), "7", included=True)
    line = Charge(kind="tax", label="Tax", amount_minor=amount, included=True, rate="7")
    return Charged(charges=(line,))


class Taxman:
    """A charge step that answers as it is told."""

    said: ClassVar[Manifest] = MANIFEST

    def __init__(self, answer: Answer = soundly) -> None:
        self.answer = answer
        self.asked: list[PurchaseView] = []

    @property
    def manifest(self) -> Manifest:
        return self.said

    async def charge(self, context: Context, purchase: PurchaseView) -> Any:
        self.asked.append(purchase)
        return await self.answer(self, context, purchase)

    def rehearsal(self) -> ChargeRehearsal:
        return ChargeRehearsal(charged=PURCHASE, spared=SPARED)


async def failed(charger: Taxman) -> dict[str, Check]:
    checks = await run_charge_conformance(charger, context())
    assert UNSPOKEN not in str(checks)
    assert len(checks) == len(CHARGE_CHECKS)
    return {check.name: check for check in checks if not check.passed}


def described(**change: object) -> Taxman:
    said = msgspec.structs.replace(MANIFEST, **change)
    return type("Described", (Taxman,), {"said": said})()


def saying(amount: Any, **change: Any) -> Taxman:
    async def answer(self: Taxman, context: Context, purchase: PurchaseView) -> object:
        await soundly(self, context, purchase)
        named = {"kind": "tax", "label": "Tax", **change}
        return Charged(charges=(Charge(amount_minor=amount, **named),))

    return Taxman(answer)


async def test_a_sound_step_passes_every_check() -> None:
    told = await failed(Taxman())
    assert set(told) == LACKING
    assert not any(check.ran for check in told.values())


async def needs_a_country(self: Taxman, context: Context, purchase: PurchaseView) -> object:
    assert purchase.country is not None
    return await soundly(self, context, purchase)


async def a_number(*_: object) -> object:
    return 50


async def counts_its_calls(self: Taxman, context: Context, purchase: PurchaseView) -> object:
    line = Charge(kind="fee", label="Fee", amount_minor=len(self.asked) % 2)
    return Charged(charges=(line,) if purchase.price_minor > 1 else ())


async def takes_silence_for_nothing(
    self: Taxman, context: Context, purchase: PurchaseView
) -> object:
    try:
        return await soundly(self, context, purchase)
    except Exception:
        return Charged()


def taking_for_nothing(wrong: Callable[[Exception], bool]) -> Taxman:
    async def answer(self: Taxman, context: Context, purchase: PurchaseView) -> object:
        try:
            return await soundly(self, context, purchase)
        except NoAnswer as silence:
            if wrong(silence):
                return Charged()
            raise

    return Taxman(answer)


async def believes_any_page(self: Taxman, context: Context, purchase: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    if answer.status != 200:
        raise RuntimeError("no rate came")
    return Charged()


async def strays(self: Taxman, context: Context, purchase: PurchaseView) -> object:
    await context.http.send("GET", "https://elsewhere.example/")
    return await soundly(self, context, purchase)


async def tells_its_secret(self: Taxman, context: Context, purchase: PurchaseView) -> object:
    raise RuntimeError(f"refused {context.settings['secret']}")


@pytest.mark.parametrize(
    ("charger", "fault"),
    [
        (described(slot=Slot.MIDDLEWARE), "the_manifest_is_well_formed"),
        (described(settings_schema={"type": "object"}), "the_settings_schema_is_closed"),
        (Taxman(needs_a_country), "every_purchase_gets_lines_or_a_veto"),
        (Taxman(a_number), "every_purchase_gets_lines_or_a_veto"),
        (saying(-1), "lines_are_what_the_core_takes"),
        (saying(0.5), "lines_are_what_the_core_takes"),
        (saying(2, included=True), "lines_are_what_the_core_takes"),
        (saying(2), "lines_are_what_the_core_takes"),
        (saying(1, rate="19"), "lines_are_what_the_core_takes"),
        (saying(0, label=""), "lines_are_what_the_core_takes"),
        (saying(0, label=f"Tax of {PURCHASE.address}"), "labels_do_not_say_where_the_buyer_is"),
        (Taxman(counts_its_calls), "the_same_purchase_gets_the_same_lines"),
        (saying(0), "the_charged_purchase_is_charged"),
        (saying(1), "the_spared_purchase_is_not"),
        (Taxman(takes_silence_for_nothing), "nothing_is_charged_while_the_peer_is_away"),
        (Taxman(believes_any_page), "nothing_is_charged_on_rubbish"),
        (taking_for_nothing(said(CUT)), "nothing_is_charged_on_a_cut_answer"),
        (taking_for_nothing(said(ENDLESS)), "nothing_is_charged_on_a_late_answer"),
        (taking_for_nothing(said(HUGE)), "nothing_is_charged_on_a_huge_answer"),
        (Taxman(strays), "only_declared_hosts_are_asked"),
        (Taxman(tells_its_secret), "no_secret_is_shown"),
    ],
)
async def test_each_sentence_of_the_contract_finds_who_breaks_it(
    charger: Taxman, fault: str
) -> None:
    told = await failed(charger)
    assert fault in told
    assert told[fault].ran
    assert told[fault].detail
