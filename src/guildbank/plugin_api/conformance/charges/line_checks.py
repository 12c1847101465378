"""Checks of a charge step's answers: lines that add up, the same again, from whole numbers."""

import asyncio
from collections.abc import Iterator

from guildbank.plugin_api.charges import Charged, check_charged
from guildbank.plugin_api.conformance.charges.stage import ChargeCheck, ChargeStage
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.stage import amounts, gaps
from guildbank.plugin_api.stages import PurchaseView


async def every_purchase_gets_lines_or_a_veto(stage: ChargeStage) -> Verdict:
    """Amounts at the edges, no country, a currency unheard of: none is why to raise."""
    for words, purchase in _all(stage):
        try:
            await stage.ask(purchase)
        except Exception as error:
            return f"{words}: {type(error).__name__}: {error}"
    return None


async def lines_are_what_the_core_takes(stage: ChargeStage) -> Verdict:
    """Whole amounts, labels of one line, rates that come to them, no more than the price."""
    for words, purchase in _all(stage):
        answer = await stage.ask(purchase)
        if not isinstance(answer, Charged):
            continue
        try:
            check_charged(purchase.price_minor, purchase.charges, answer)
        except Exception as error:
            return f"{words}: {error}"
    return None


async def labels_do_not_say_where_the_buyer_is(stage: ChargeStage) -> Verdict:
    """A line is kept for years, and the address is not."""
    for words, purchase in _all(stage):
        answer = await stage.ask(purchase)
        lines = answer.charges if isinstance(answer, Charged) else ()
        if purchase.address and any(purchase.address in one.label for one in lines):
            return f"{words}: the buyer's address stands in a label"
    return None


async def the_same_purchase_gets_the_same_lines(stage: ChargeStage) -> Verdict:
    """The player may ask again before paying, and must not see another total."""
    for purchase in stage.purchases():
        first, beside = await asyncio.gather(stage.ask(purchase), stage.ask(purchase))
        again = await stage.ask(purchase)
        if not first == beside == again:
            return f"answered {first!r}, at the same time {beside!r}, and later {again!r}"
    return None


async def the_charged_purchase_is_charged(stage: ChargeStage) -> Verdict:
    """What the rehearsal says is charged gets a line of more than nothing."""
    purchase = stage.rehearsal.charged
    if purchase is None:
        return NotRun("the rehearsal names no purchase that is charged")
    answer = await stage.ask(stage.seen(purchase))
    if isinstance(answer, Charged) and any(one.amount_minor for one in answer.charges):
        return None
    return f"answered {answer!r}"


async def the_spared_purchase_is_not(stage: ChargeStage) -> Verdict:
    """What the rehearsal says is spared gets no line of more than nothing, or a veto."""
    purchase = stage.rehearsal.spared
    if purchase is None:
        return NotRun("the rehearsal names no purchase that is not charged")
    answer = await stage.ask(stage.seen(purchase))
    if isinstance(answer, Charged) and any(one.amount_minor for one in answer.charges):
        return f"answered {answer!r}"
    return None


def _all(stage: ChargeStage) -> Iterator[tuple[str, PurchaseView]]:
    for number, purchase in enumerate(stage.purchases()):
        yield f"purchase {number}", purchase
    yield from amounts(stage)
    yield from gaps(stage)


CHECKS: tuple[ChargeCheck, ...] = (
    every_purchase_gets_lines_or_a_veto,
    lines_are_what_the_core_takes,
    labels_do_not_say_where_the_buyer_is,
    the_same_purchase_gets_the_same_lines,
    the_charged_purchase_is_charged,
    the_spared_purchase_is_not,
)
