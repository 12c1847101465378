"""The contract of gates passes a sound one, and each way to break it fails the check for it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.plugin_api.gatekeeper import (
    CUT,
    ENDLESS,
    HOST,
    HUGE,
    MANIFEST,
    UNSPOKEN,
    VETO,
    Answer,
    Doorkeeper,
    Gatekeeper,
    Scores,
    context,
    said,
    soundly,
)

from guildbank.plugin_api import (
    Annotated,
    Context,
    NoAnswer,
    PurchaseView,
    Slot,
    Veto,
)
from guildbank.plugin_api.conformance import (
    PURCHASE,
    Check,
    GateRehearsal,
    run_gate_conformance,
)

SKIPPED = "who_may_be_skipped_vetoes_nothing"
"""It means nothing of a gate that is never skipped."""
REHEARSAL = GateRehearsal(vetoed=msgspec.structs.replace(PURCHASE, coins=5_001), admitted=PURCHASE)


async def failed(gate: Gatekeeper, **settings: object) -> dict[str, Check]:
    checks = await run_gate_conformance(gate, context(**settings), REHEARSAL)
    assert UNSPOKEN not in str(checks)
    return {check.name: check for check in checks if not check.passed}


def described(answer: Answer = soundly, **change: object) -> Gatekeeper:
    said = msgspec.structs.replace(MANIFEST, **change)
    return type("Described", (Gatekeeper,), {"said": said})(answer)


async def test_a_sound_gate_passes_every_check() -> None:
    told = await failed(Gatekeeper())
    assert {name for name, check in told.items() if check.applies} == set()
    assert set(told) == {SKIPPED}


async def test_a_sound_entry_passes_and_sees_purchases_of_which_nothing_is_stored() -> None:
    entry = Doorkeeper()
    checks = await run_gate_conformance(entry, context(), REHEARSAL)
    assert {check.name for check in checks if not check.passed} == {
        "sound_settings_have_no_problem",
        "strange_settings_raise_nothing",
        "it_makes_ready_and_again",
        SKIPPED,
    }
    assert {purchase.payment_id for purchase in entry.asked} == {""}


async def test_the_gates_own_rehearsal_is_taken_where_none_is_given() -> None:
    gate = Gatekeeper()
    checks = {check.name: check for check in await run_gate_conformance(gate, context())}
    assert checks["the_vetoed_purchase_is_vetoed"].passed
    assert not checks["the_admitted_purchase_is_admitted"].ran


async def test_a_gate_that_asks_nobody_needs_no_network() -> None:
    async def counts(self: Gatekeeper, context: Context, purchase: PurchaseView) -> object:
        return VETO if purchase.coins > context.settings["most"] else Annotated()

    told = await failed(described(counts, egress_hosts=()))
    assert set(told) == {
        "nobody_is_admitted_while_the_peer_is_away",
        "nobody_is_admitted_on_rubbish",
        "nobody_is_admitted_on_a_cut_answer",
        "nobody_is_admitted_on_a_late_answer",
        "nobody_is_admitted_on_a_huge_answer",
        SKIPPED,
    }
    assert {(check.ran, check.applies) for check in told.values()} == {(False, False)}


async def test_what_a_gate_prints_is_heard_and_still_shown(capsys) -> None:
    async def chats(self: Gatekeeper, context: Context, purchase: PurchaseView) -> object:
        print("looking at a purchase")
        return await soundly(self, context, purchase)

    assert set(await failed(Gatekeeper(chats))) == {SKIPPED}
    assert "looking at a purchase" in capsys.readouterr().out


async def raises_at_the_edge(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    if seen.amount_minor >= 2**53 - 1:
        raise OverflowError("too much")
    return await soundly(self, context, seen)


async def needs_a_country(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    assert seen.country is not None
    return await soundly(self, context, seen)


async def knows_three_currencies(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    _ = {"EUR": 2, "USD": 2, "JPY": 0}[seen.currency]
    return await soundly(self, context, seen)


async def a_word(*_: object) -> object:
    return "yes"


async def counts_purchases(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    return Annotated(annotations={"before": str(len(self.asked))})


async def admits_all(*_: object) -> object:
    return Annotated()


async def vetoes_all(*_: object) -> object:
    return VETO


def noting(**notes: object) -> Answer:
    async def notes_it(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
        return Annotated(annotations=notes)  # type: ignore[arg-type]

    return notes_it


def vetoing(code: str, detail: str) -> Answer:
    async def vetoes_it(*_: object) -> object:
        return Veto(code=code, detail=detail)

    return vetoes_it


async def takes_silence_for_a_yes(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    try:
        return await soundly(self, context, seen)
    except NoAnswer:
        return Annotated()


async def takes_an_error_for_a_yes(
    self: Gatekeeper, context: Context, seen: PurchaseView
) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    return await soundly(self, context, seen) if answer.status == 200 else Annotated()


def taking_for_a_yes(word: str) -> Answer:
    async def takes_it_for_a_yes(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
        try:
            return await soundly(self, context, seen)
        except NoAnswer as silence:
            if said(word)(silence):
                return Annotated()
            raise

    return takes_it_for_a_yes


async def takes_being_told_to_wait_for_a_yes(
    self: Gatekeeper, context: Context, seen: PurchaseView
) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    return Annotated() if answer.status == 429 else await soundly(self, context, seen)


async def loses_patience(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    try:
        async with asyncio.timeout(0.1):
            return await soundly(self, context, seen)
    except TimeoutError:
        return Annotated()


async def swallows_the_deadline(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    try:
        return await soundly(self, context, seen)
    except asyncio.CancelledError:
        return Annotated()


async def goes_on_waiting(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    try:
        return await soundly(self, context, seen)
    except asyncio.CancelledError:
        await asyncio.sleep(30)
        raise


async def believes_anything(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    if answer.status != 200:
        raise NoAnswer("no score came")
    return VETO if b'"blocked": true' in answer.body else Annotated()


async def counts_nothing_as_none(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    assert context.history is not None
    try:
        past = await context.history.purchases(seen.player_id, context.now)
    except ConnectionError:
        past = []
    return VETO if past else await soundly(self, context, seen)


async def strays(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    await context.http.send("GET", "https://elsewhere.example/")
    return await soundly(self, context, seen)


async def tells_its_secret(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    if isinstance(context.http, Scores):
        return await soundly(self, context, seen)
    try:
        return await soundly(self, context, seen)
    except Exception as error:
        raise RuntimeError(f"no score for {context.settings['secret']}") from error


async def notes_its_secret(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    return Annotated(annotations={"by": context.settings["secret"]})


async def logs_its_secret(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    logging.getLogger("gate").debug("asked", extra={"settings": context.settings})
    return await soundly(self, context, seen)


async def prints_its_secret(self: Gatekeeper, context: Context, seen: PurchaseView) -> object:
    print("settings", context.settings)
    return await soundly(self, context, seen)


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        (described(id="Not An Id"), "the_manifest_is_well_formed"),
        (described(slot=Slot.PROVIDER), "the_manifest_is_well_formed"),
        (described(api_min=99, api_max=99), "the_manifest_fits_this_api"),
        (described(settings_schema={"type": "object"}), "the_settings_schema_is_closed"),
        (described(secret_fields=frozenset({"other"})), "secret_fields_are_settings"),
        (
            described(settings_schema={**MANIFEST.settings_schema, "required": ["account"]}),
            "the_settings_fit_the_schema",
        ),
        (Gatekeeper(a_word), "an_ordinary_purchase_gets_an_answer"),
        (Gatekeeper(raises_at_the_edge), "amounts_at_the_edges_get_an_answer"),
        (Gatekeeper(needs_a_country), "gaps_and_unknown_facts_get_an_answer"),
        (Gatekeeper(knows_three_currencies), "gaps_and_unknown_facts_get_an_answer"),
        (Gatekeeper(admits_all), "the_vetoed_purchase_is_vetoed"),
        (Gatekeeper(vetoes_all), "the_admitted_purchase_is_admitted"),
        (Gatekeeper(counts_purchases), "the_same_purchase_gets_the_same_answer"),
        (
            Gatekeeper(noting(**{f"n{number}": "x" for number in range(21)})),
            "annotations_are_short_plain_text",
        ),
        (Gatekeeper(noting(**{"n" * 54: "x"})), "annotations_are_short_plain_text"),
        (Gatekeeper(noting(score="x" * 501)), "annotations_are_short_plain_text"),
        (Gatekeeper(noting(score="a\x00b")), "annotations_are_short_plain_text"),
        (Gatekeeper(noting(score="two\nlines")), "annotations_are_short_plain_text"),
        (Gatekeeper(noting(score=7)), "annotations_are_short_plain_text"),
        (Gatekeeper(noting(whence=f"from {PURCHASE.address}")), "no_address_is_noted"),
        (Gatekeeper(vetoing("too_far", f"Not from {PURCHASE.address}.")), "no_address_is_noted"),
        (Gatekeeper(vetoing("Too many", VETO.detail)), "a_veto_has_a_stable_code_and_a_sentence"),
        (Gatekeeper(vetoing("x" * 65, VETO.detail)), "a_veto_has_a_stable_code_and_a_sentence"),
        (Gatekeeper(vetoing(VETO.code, "")), "a_veto_has_a_stable_code_and_a_sentence"),
        (Gatekeeper(vetoing(VETO.code, "E1207")), "a_veto_has_a_stable_code_and_a_sentence"),
        (
            Gatekeeper(vetoing(VETO.code, f"Too {'very ' * 100}many.")),
            "a_veto_has_a_stable_code_and_a_sentence",
        ),
        (Gatekeeper(takes_silence_for_a_yes), "nobody_is_admitted_while_the_peer_is_away"),
        (Gatekeeper(takes_an_error_for_a_yes), "nobody_is_admitted_while_the_peer_is_away"),
        (
            Gatekeeper(takes_being_told_to_wait_for_a_yes),
            "nobody_is_admitted_while_the_peer_is_away",
        ),
        (Gatekeeper(taking_for_a_yes(CUT)), "nobody_is_admitted_on_a_cut_answer"),
        (Gatekeeper(taking_for_a_yes(ENDLESS)), "nobody_is_admitted_on_a_late_answer"),
        (Gatekeeper(loses_patience), "nobody_is_admitted_on_a_late_answer"),
        (Gatekeeper(taking_for_a_yes(HUGE)), "nobody_is_admitted_on_a_huge_answer"),
        (Gatekeeper(loses_patience), "nobody_is_admitted_while_the_peer_is_away"),
        (Gatekeeper(swallows_the_deadline), "nobody_is_admitted_while_the_peer_is_away"),
        (Gatekeeper(goes_on_waiting), "nobody_is_admitted_while_the_peer_is_away"),
        (Gatekeeper(believes_anything), "nobody_is_admitted_on_rubbish"),
        (Gatekeeper(counts_nothing_as_none), "nobody_is_admitted_while_the_history_is_away"),
        (Gatekeeper(strays), "only_declared_hosts_are_asked"),
        (described(egress_hosts=()), "only_declared_hosts_are_asked"),
        (Gatekeeper(tells_its_secret), "no_secret_is_shown"),
        (Gatekeeper(notes_its_secret), "no_secret_is_shown"),
        (Gatekeeper(logs_its_secret), "no_secret_is_shown"),
        (Gatekeeper(prints_its_secret), "no_secret_is_shown"),
    ],
    ids=lambda case: case if isinstance(case, str) else case.answer.__name__,
)
async def test_an_unsound_gate_is_told_its_fault(gate: Gatekeeper, fault: str) -> None:
    told = await failed(gate)
    assert fault in told
    assert told[fault].ran
    assert told[fault].detail


class LooksClosely(Gatekeeper):
    """Takes settings for granted."""

    def check_settings(self, settings: Mapping[str, Any]):
        return [] if settings["most"] < 10_000 else ["too many"]


class ChangesSettings(Gatekeeper):
    """Keeps house in what it is shown."""

    def check_settings(self, settings: Mapping[str, Any]):
        settings.setdefault("most", 1)  # type: ignore[attr-defined]
        return []


class SaysAnything(Gatekeeper):
    """Reports what is no problem in the core's form."""

    def check_settings(self, settings: Mapping[str, Any]):
        return ["most"] if settings.get("most") == 0 else []


@pytest.mark.parametrize("unsound", [LooksClosely, ChangesSettings, SaysAnything])
async def test_a_look_at_settings_raises_and_changes_nothing(unsound: type[Gatekeeper]) -> None:
    told = await failed(unsound())
    assert told["strange_settings_raise_nothing"].ran
    assert told["strange_settings_raise_nothing"].detail


class StartsOnce(Gatekeeper):
    """Is not started a second time."""

    async def start(self, context: Context) -> None:
        if self.ready:
            raise RuntimeError(f"started already with {context.settings['secret']}")
        await super().start(context)


class StartsForEver(Gatekeeper):
    """Loads a list that never ends."""

    async def start(self, context: Context) -> None:
        await super().start(context)
        await asyncio.sleep(30)


@pytest.mark.parametrize("unsound", [StartsOnce, StartsForEver])
async def test_a_gate_that_does_not_make_ready_is_told_so(unsound: type[Gatekeeper]) -> None:
    told = await failed(unsound())
    assert told["it_makes_ready_and_again"].detail
    assert ("no_secret_is_shown" in told) is (unsound is StartsOnce)


async def test_settings_of_the_run_that_the_gate_refuses_are_a_fault() -> None:
    assert (await failed(Gatekeeper(), most=0))["sound_settings_have_no_problem"].ran


async def test_a_veto_may_be_said_in_any_script() -> None:
    told = await failed(Gatekeeper(vetoing(VETO.code, "一次最多购买5000枚金币")))
    assert "a_veto_has_a_stable_code_and_a_sentence" not in told


async def test_a_gate_that_asks_nobody_of_those_it_declares_has_shown_nothing() -> None:
    told = await failed(Gatekeeper(vetoing(VETO.code, VETO.detail)))
    assert not told["nobody_is_admitted_while_the_peer_is_away"].ran
