"""The contract of callbacks passes a sound one, and each way to break it fails the check for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from tests.plugin_api.gatekeeper import (
    CUT,
    ENDLESS,
    HOST,
    HUGE,
    UNSPOKEN,
    Scores,
    context,
    said,
)
from tests.plugin_api.gatekeeper import MANIFEST as GATE

from guildbank.plugin_api import CallbackEvent, Context, Manifest, NoAnswer, Slot
from guildbank.plugin_api.conformance import Check, run_callback_conformance

MANIFEST = msgspec.structs.replace(GATE, slot=Slot.CALLBACK)
Delivery = Callable[["Teller", Context, CallbackEvent], Awaitable[object]]


async def soundly(self: "Teller", context: Context, event: CallbackEvent) -> object:
    answer = await context.http.send("POST", f"https://{HOST}/events", body=event.id.encode())
    if answer.status != 200:
        raise NoAnswer(f"answered {answer.status}")
    return None


class Teller:
    """A callback that delivers as it is told."""

    manifest: Manifest = MANIFEST

    def __init__(self, delivery: Delivery = soundly) -> None:
        self.delivery = delivery
        self.told: list[str] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        self.told.append(event.id)
        return await self.delivery(self, context, event)  # type: ignore[return-value]

    def check_settings(self, settings: object) -> list[object]:
        return []

    async def start(self, context: Context) -> None:
        return None


class AtTheDoor(Teller):
    """Says that it sits somewhere else."""

    manifest = GATE


async def failed(callback: Teller) -> dict[str, Check]:
    checks = await run_callback_conformance(callback, context())
    assert UNSPOKEN not in str(checks)
    return {check.name: check for check in checks if not check.passed}


async def test_a_sound_callback_passes_every_check() -> None:
    assert await failed(Teller()) == {}


async def test_a_callback_that_tells_nobody_cannot_show_that_it_is_told_again() -> None:
    async def keeps(*_: object) -> object:
        return None

    told = await failed(Teller(keeps))
    assert set(told) == {
        "a_peer_that_is_away_is_told_later",
        "rubbish_is_done_or_told_later",
        "a_cut_answer_is_told_later",
        "a_late_answer_is_told_later",
        "a_huge_answer_is_told_later",
    }
    assert not any(check.ran for check in told.values())


async def always_raises(*_: object) -> object:
    raise RuntimeError("not now")


async def says_ok(self: Teller, context: Context, event: CallbackEvent) -> object:
    await soundly(self, context, event)
    return "ok"


async def refuses_repeats(self: Teller, context: Context, event: CallbackEvent) -> object:
    if self.told.count(event.id) > 1:
        raise ValueError("told before")
    return await soundly(self, context, event)


async def knows_two_kinds(self: Teller, context: Context, event: CallbackEvent) -> object:
    _ = {"payments.credited": 1, "payments.refunded": 2}[event.kind]
    return await soundly(self, context, event)


async def needs_an_amount(self: Teller, context: Context, event: CallbackEvent) -> object:
    if event.kind == "payments.credited":
        assert event.data["amount"]
    return await soundly(self, context, event)


async def forgets_who_was_away(self: Teller, context: Context, event: CallbackEvent) -> object:
    try:
        return await soundly(self, context, event)
    except NoAnswer:
        return None


def forgetting(wrong: Callable[[Exception], bool]) -> Delivery:
    async def forgets_who_was_not_told(
        self: Teller, context: Context, event: CallbackEvent
    ) -> object:
        try:
            return await soundly(self, context, event)
        except NoAnswer as silence:
            if wrong(silence):
                return None
            raise

    return forgets_who_was_not_told


async def returns_what_it_hears(self: Teller, context: Context, event: CallbackEvent) -> object:
    answer = await context.http.send("POST", f"https://{HOST}/events", body=event.id.encode())
    if answer.status != 200:
        raise NoAnswer(f"answered {answer.status}")
    return None if answer.body.startswith(b'{"score"') else answer.body


async def takes_every_status(self: Teller, context: Context, event: CallbackEvent) -> object:
    await context.http.send("POST", f"https://{HOST}/events")
    return None


async def loses_patience(self: Teller, context: Context, event: CallbackEvent) -> object:
    try:
        async with asyncio.timeout(0.1):
            return await soundly(self, context, event)
    except TimeoutError:
        return None


async def strays(self: Teller, context: Context, event: CallbackEvent) -> object:
    await context.http.send("POST", "https://elsewhere.example/")
    return await soundly(self, context, event)


async def logs_its_secret(self: Teller, context: Context, event: CallbackEvent) -> object:
    logging.getLogger("teller").info("telling with %s", context.settings["secret"])
    return await soundly(self, context, event)


async def tells_its_secret(self: Teller, context: Context, event: CallbackEvent) -> object:
    if not isinstance(context.http, Scores):
        raise NoAnswer(f"nobody takes {context.settings['secret']}")
    return await soundly(self, context, event)


@pytest.mark.parametrize(
    ("callback", "fault"),
    [
        (AtTheDoor(), "the_manifest_is_well_formed"),
        (Teller(always_raises), "an_event_is_taken"),
        (Teller(says_ok), "an_event_is_taken"),
        (Teller(refuses_repeats), "the_same_event_is_taken_again"),
        (Teller(knows_two_kinds), "an_event_of_any_kind_is_taken"),
        (Teller(needs_an_amount), "an_event_of_any_kind_is_taken"),
        (Teller(forgets_who_was_away), "a_peer_that_is_away_is_told_later"),
        (Teller(takes_every_status), "a_peer_that_is_away_is_told_later"),
        (Teller(loses_patience), "a_peer_that_is_away_is_told_later"),
        (Teller(returns_what_it_hears), "rubbish_is_done_or_told_later"),
        (Teller(forgetting(said(CUT))), "a_cut_answer_is_told_later"),
        (Teller(forgetting(said(ENDLESS))), "a_late_answer_is_told_later"),
        (Teller(loses_patience), "a_late_answer_is_told_later"),
        (Teller(forgetting(said(HUGE))), "a_huge_answer_is_told_later"),
        (Teller(strays), "only_declared_hosts_are_asked"),
        (Teller(logs_its_secret), "no_secret_is_shown"),
        (Teller(tells_its_secret), "no_secret_is_shown"),
    ],
    ids=lambda case: case if isinstance(case, str) else case.delivery.__name__,
)
async def test_an_unsound_callback_is_told_its_fault(callback: Teller, fault: str) -> None:
    told = await failed(callback)
    assert fault in told
    assert told[fault].ran
    assert told[fault].detail
