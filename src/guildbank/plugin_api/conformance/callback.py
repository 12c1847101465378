"""The contract of callbacks as a program: every event is taken, again too, or asked for again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from guildbank.plugin_api.charges import Charge
from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.contracts import Check, Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.conformance.listening import listening, no_secret_is_shown
from guildbank.plugin_api.conformance.networks import (
    AWAY,
    CUT,
    HUGE,
    LATE,
    RUBBISH,
    Network,
    in_time,
    nobody_asked,
    undeclared,
)
from guildbank.plugin_api.conformance.witness import words_of
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.letters import LETTERS, Sold, fault_in_letter
from guildbank.plugin_api.manifest import Manifest, Slot
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Callback, CallbackEvent, Delivered

EVENT = CallbackEvent(
    id="evt_01kb0e5c9vfyqs1drz0n9vxk4g",
    kind="payments.credited",
    at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    data={
        "payment": "pay_01kb0e5c9vfyqs1drz0n9vxk4d",
        "attempt": "att_01kb0e5c9vfyqs1drz0n9vxk4h",
        "player": "player_01kb0e5c9vfyqs1drz0n9vxk4e",
        "provider": "sandbox",
        "reference": "spay_1",
        "product": "product_01kb0e5c9vfyqs1drz0n9vxk4f",
        "version": 1,
        "money": "EUR",
        "amount": 900,
    },
)
"""A purchase whose money came, as callbacks are told of it."""
_OTHERS = (
    CallbackEvent(id="evt_2", kind="payments.refunded", at=EVENT.at, data=EVENT.data),
    CallbackEvent(id="evt_3", kind="payments.credited", at=EVENT.at, data={}),
    CallbackEvent(id="evt_4", kind="payments.of_tomorrow", at=EVENT.at, data={"new": [None, {}]}),
)


_LINES = (
    Charge(kind="fee", label="Service fee", amount_minor=50),
    Charge(kind="tax", label="VAT", amount_minor=136, included=True, rate="19"),
)
SOLD = Sold(
    payment_id=str(EVENT.data["payment"]),
    title="Chest of gems",
    amount_minor=900,
    currency="EUR",
    game_currency="GEM",
    coins=500,
    bonus=50,
    credited_at=EVENT.at,
    lines=_LINES,
)
"""The payment of that purchase, as those are shown it who write letters."""
_STRANGE = msgspec.structs.replace(SOLD, title="\u202eChest\nof gems " * 100, lines=_LINES * 10)


class CallbackStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the plugin said in words."""

    plugin: Callback
    context: Context
    heard: list[str] = msgspec.field(default_factory=list)

    slot = Slot.CALLBACK

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        return self.plugin.manifest

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    async def tell(self, event: CallbackEvent, http: Http | None = None) -> None:
        """Deliver an event; raises what the plugin does, and Fault for an answer that is none."""
        context = self.context
        if http is not None:
            context = msgspec.structs.replace(context, http=http)
        call: Awaitable[object] = self.plugin.deliver(context, event)
        try:
            result = await in_time(call, self.manifest.timeout_seconds)
        except Exception as error:
            self.heard.extend(words_of(error))
            raise
        if result is None:
            return
        self.heard.append(repr(result))
        if not isinstance(result, Delivered) or not isinstance(result.note, str):
            raise Fault(
                f"returned {result!r}: a delivery that is done returns nothing or Delivered"
            )
        if result.letter is not None:
            if LETTERS not in self.manifest.capabilities:
                raise Fault("wrote a letter, and its manifest does not name the capability letters")
            if (fault := fault_in_letter(result.letter)) is not None:
                raise Fault(f"wrote a letter that cannot be mailed: {fault}")


CallbackCheck = Callable[[CallbackStage], Awaitable[Verdict]]


async def an_event_is_taken(stage: CallbackStage) -> Verdict:
    """Told once, with the peer there, it returns nothing, or Delivered with a note."""
    await stage.tell(EVENT)
    return None


async def the_same_event_is_taken_again(stage: CallbackStage) -> Verdict:
    """Events come at least once: one that came before is no reason to raise."""
    for _ in range(2):
        await stage.tell(EVENT)
    return None


async def an_event_of_any_kind_is_taken(stage: CallbackStage) -> Verdict:
    """Events come in order: one that is never taken keeps back all that follow."""
    for event in _OTHERS:
        try:
            await stage.tell(event)
        except Exception as error:
            return f"{event.kind} with {event.data!r}: {type(error).__name__}: {error}"
    return None


async def a_peer_that_is_away_is_told_later(stage: CallbackStage) -> Verdict:
    """Who was not told has to be told again, so the plugin raises."""
    return await _is_told_later(stage, AWAY)


async def rubbish_is_done_or_told_later(stage: CallbackStage) -> Verdict:
    """What a peer writes beside its 200 is its own matter, and breaks nothing here."""
    return await _is_told_later(stage, RUBBISH, firmly=False)


async def a_cut_answer_is_told_later(stage: CallbackStage) -> Verdict:
    """A connection that ends within an answer leaves open who was told."""
    return await _is_told_later(stage, CUT)


async def a_late_answer_is_told_later(stage: CallbackStage) -> Verdict:
    """So does an answer that begins at once and does not end in time."""
    return await _is_told_later(stage, LATE)


async def a_huge_answer_is_told_later(stage: CallbackStage) -> Verdict:
    """And one of megabytes, which is not read to its end."""
    return await _is_told_later(stage, HUGE)


async def _is_told_later(
    stage: CallbackStage, networks: Mapping[str, Network], *, firmly: bool = True
) -> Verdict:
    """Tell in all networks at once; with `firmly` what returns there is a fault."""
    tries = [(words, network()) for words, network in networks.items()]
    raised = await asyncio.gather(*(_raises(stage, network) for _, network in tries))
    for (words, network), (was, fault) in zip(tries, raised, strict=True):
        if fault:
            return f"{words}: {fault}"
        if firmly and network.asked and not was:
            return f"{words}, and the event is taken for delivered"
    if any(network.asked for _, network in tries):
        return None
    return nobody_asked(stage.manifest, "the event of this run made the plugin ask nobody")


async def only_declared_hosts_are_asked(stage: CallbackStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    network = Hostile(None)
    await _raises(stage, network)
    strange = undeclared(stage.manifest, network.asked)
    return f"{strange} is asked and not declared" if strange else None


async def whatever_was_sold_is_written_of_plainly(stage: CallbackStage) -> Verdict:
    """Its letters can be mailed, whatever stands in a title and however many lines there are."""
    for event in (EVENT, *_OTHERS):
        for sold in (SOLD, _STRANGE, None):
            told = msgspec.structs.replace(event, sold=sold)
            try:
                await stage.tell(told)
            except Exception as error:
                return f"{event.kind} of {sold!r}: {type(error).__name__}: {error}"
    return None


async def a_letter_reads_alike_each_time(stage: CallbackStage) -> Verdict:
    """Told again it writes the same, for only the first letter of an event is mailed."""
    told = msgspec.structs.replace(EVENT, sold=SOLD)
    later = msgspec.structs.replace(stage.context, now=stage.context.now + timedelta(hours=3))
    first = await stage.plugin.deliver(stage.context, told)
    second = await stage.plugin.deliver(later, told)
    letters = [None if one is None else one.letter for one in (first, second)]
    return None if letters[0] == letters[1] else f"wrote {letters[0]!r}, then {letters[1]!r}"


async def _raises(stage: CallbackStage, http: Http) -> tuple[bool, str | None]:
    """Say whether the event will be told again, and what is wrong with how that was said."""
    try:
        await stage.tell(EVENT, http)
    except Fault as fault:
        return True, str(fault)
    except Exception:  # whatever it is, raising is how a callback asks to be told again
        return True, None
    return False, None


CALLBACK_CHECKS: tuple[CallbackCheck, ...] = (
    *manifest_checks.CHECKS,
    *lifecycle_checks.CHECKS,
    an_event_is_taken,
    the_same_event_is_taken_again,
    an_event_of_any_kind_is_taken,
    a_peer_that_is_away_is_told_later,
    rubbish_is_done_or_told_later,
    a_cut_answer_is_told_later,
    a_late_answer_is_told_later,
    a_huge_answer_is_told_later,
    only_declared_hosts_are_asked,
    # Last of all, because it looks at what every other check made the plugin say.
    no_secret_is_shown,
)


LETTER_CHECKS: tuple[CallbackCheck, ...] = (
    whatever_was_sold_is_written_of_plainly,
    a_letter_reads_alike_each_time,
)
"""Run besides, where the manifest names the capability `letters`."""


async def run_callback_conformance(callback: Callback, context: Context) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    `context.http` is the real network: the plugin's peer is told of events that never were.
    """
    stage = CallbackStage(plugin=callback, context=context)
    with listening(stage.heard):
        writes = LETTERS in callback.manifest.capabilities
        # Before the checks that look at all that was said.
        further = lifecycle_checks.further_checks(callback)
        *first, last = CALLBACK_CHECKS
        ends = lifecycle_checks.ending_checks(callback)
        checks = (*further, *(LETTER_CHECKS if writes else ()), *first, *ends, last)
        return [await judge(check, stage) for check in checks]
