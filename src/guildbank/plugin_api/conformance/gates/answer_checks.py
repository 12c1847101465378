"""Checks of a gate's answers: one always comes, the same again, and is kept whole."""

import asyncio
import re
from collections.abc import Iterable

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.stage import GateCheck, GateStage, amounts, gaps
from guildbank.plugin_api.stages import (
    MAX_ANNOTATION_NAME,
    MAX_ANNOTATION_TEXT,
    MAX_ANNOTATIONS,
    Annotated,
    PurchaseView,
    Veto,
)

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


async def an_ordinary_purchase_gets_an_answer(stage: GateStage) -> Verdict:
    """Annotated or Veto, and no exception."""
    for purchase in stage.purchases():
        await stage.ask(purchase)
    return None


async def amounts_at_the_edges_get_an_answer(stage: GateStage) -> Verdict:
    """1 and 2^53 - 1 are amounts like others."""
    return await _answer(stage, amounts(stage))


async def gaps_and_unknown_facts_get_an_answer(stage: GateStage) -> Verdict:
    """No country, no annotations and a currency unheard of are no reason to raise."""
    return await _answer(stage, gaps(stage))


async def the_vetoed_purchase_is_vetoed(stage: GateStage) -> Verdict:
    """What the rehearsal calls vetoed is."""
    if stage.rehearsal.vetoed is None:
        return NotRun("the rehearsal names no purchase that is vetoed")
    answer = await stage.ask(stage.seen(stage.rehearsal.vetoed))
    return None if isinstance(answer, Veto) else f"it was admitted: {answer!r}"


async def the_admitted_purchase_is_admitted(stage: GateStage) -> Verdict:
    """What the rehearsal calls admitted is."""
    if stage.rehearsal.admitted is None:
        return NotRun("the rehearsal names no purchase that is admitted")
    answer = await stage.ask(stage.seen(stage.rehearsal.admitted))
    return None if isinstance(answer, Annotated) else f"it was vetoed: {answer!r}"


async def the_same_purchase_gets_the_same_answer(stage: GateStage) -> Verdict:
    """Gates are asked again when a request is repeated, also while the first is on its way."""
    for purchase in stage.purchases():
        first, beside = await asyncio.gather(stage.ask(purchase), stage.ask(purchase))
        again = await stage.ask(purchase)
        if not first == beside == again:
            return f"answered {first!r}, at the same time {beside!r}, and later {again!r}"
    return None


async def annotations_are_short_plain_text(stage: GateStage) -> Verdict:
    """At most 20, names of up to 64 characters with the id in front, texts of up to 500."""
    for purchase in _all(stage):
        answer = await stage.ask(purchase)
        if isinstance(answer, Annotated):
            fault = _fault_in_annotations(answer, stage.manifest.id)
            if fault:
                return fault
    return None


async def no_address_is_noted(stage: GateStage) -> Verdict:
    """A gate looks at the buyer's address, and writes it down nowhere."""
    for purchase in _all(stage):
        answer = await stage.ask(purchase)
        said = answer.annotations.values() if isinstance(answer, Annotated) else (answer.detail,)
        if purchase.address is not None and any(purchase.address in text for text in said):
            return f"the buyer's address stands in {answer!r}"
    return None


async def a_veto_has_a_stable_code_and_a_sentence(stage: GateStage) -> Verdict:
    """Programs read the code, players the sentence."""
    vetoes = [one for purchase in _all(stage) if isinstance(one := await stage.ask(purchase), Veto)]
    if not vetoes:
        return NotRun("no purchase of this run is vetoed: name one in the rehearsal")
    for veto in vetoes:
        if not isinstance(veto.code, str) or not _CODE.fullmatch(veto.code):
            return f"the code {veto.code!r} is not like too_many_coins"
        if not _is_sentence(veto.detail):
            longest = f"up to {MAX_ANNOTATION_TEXT} characters"
            return f"the detail {veto.detail!r} is no sentence of {longest}"
    return None


async def _answer(stage: GateStage, cases: Iterable[tuple[str, PurchaseView]]) -> Verdict:
    for words, purchase in cases:
        try:
            await stage.ask(purchase)
        except Exception as error:
            return f"{words}: {type(error).__name__}: {error}"
    return None


def _all(stage: GateStage) -> list[PurchaseView]:
    return [*stage.purchases(), *(one for _, one in (*amounts(stage), *gaps(stage)))]


def _fault_in_annotations(answer: Annotated, gate: str) -> str | None:
    if len(answer.annotations) > MAX_ANNOTATIONS:
        return f"gives {len(answer.annotations)} annotations, of {MAX_ANNOTATIONS} that are kept"
    said: Iterable[tuple[object, object]] = answer.annotations.items()
    for name, text in said:
        if not isinstance(name, str) or not isinstance(text, str):
            return f"the annotation {name!r} is {text!r}, which is no text"
        if not name or not name.isprintable() or len(f"{gate}.{name}") > MAX_ANNOTATION_NAME:
            return f"{gate}.{name!r} is no name of up to {MAX_ANNOTATION_NAME} plain characters"
        if not text.isprintable() or len(text) > MAX_ANNOTATION_TEXT:
            return (
                f"the annotation {name} is no plain text of up to {MAX_ANNOTATION_TEXT} characters"
            )
    return None


def _is_sentence(text: object) -> bool:
    if not isinstance(text, str) or not text.isprintable() or len(text) > MAX_ANNOTATION_TEXT:
        return False
    # Scripts differ in how they part words and end sentences; plain Latin text is judged by both.
    return len(text.strip()) > 3 and (
        not text.isascii() or (" " in text.strip() and text.endswith((".", "!", "?")))
    )


CHECKS: tuple[GateCheck, ...] = (
    an_ordinary_purchase_gets_an_answer,
    amounts_at_the_edges_get_an_answer,
    gaps_and_unknown_facts_get_an_answer,
    the_vetoed_purchase_is_vetoed,
    the_admitted_purchase_is_admitted,
    the_same_purchase_gets_the_same_answer,
    annotations_are_short_plain_text,
    no_address_is_noted,
    a_veto_has_a_stable_code_and_a_sentence,
)
