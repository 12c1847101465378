"""Checks of a scorer's answers: one always comes, the same again, and says why."""

import asyncio
import re

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.gates.stage import amounts, gaps
from guildbank.plugin_api.conformance.scorers.stage import ScorerCheck, ScorerStage
from guildbank.plugin_api.scoring import MAX_POINTS, MAX_REASON_TEXT, MAX_REASONS, Reason
from guildbank.plugin_api.stages import PurchaseView

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


async def every_purchase_gets_a_score(stage: ScorerStage) -> Verdict:
    """Amounts at the edges, no country, no device, a currency unheard of: none is why to raise."""
    for purchase in stage.purchases():
        await stage.ask(purchase)
    for words, purchase in (*amounts(stage), *gaps(stage)):
        try:
            await stage.ask(purchase)
        except Exception as error:
            return f"{words}: {type(error).__name__}: {error}"
    return None


async def points_are_whole_and_have_reasons(stage: ScorerStage) -> Verdict:
    """From 0 to 100, and a purchase has points only for a reason."""
    for purchase in _all(stage):
        scored = await stage.ask(purchase)
        points: object = scored.points
        if not _is_whole(points, 0):
            return f"the points are {points!r}, no whole number from 0 to {MAX_POINTS}"
        if scored.points > 0 and not scored.reasons:
            return f"gives {scored.points} points and no reason"
    return None


async def reasons_are_codes_and_sentences(stage: ScorerStage) -> Verdict:
    """Programs read the code, operators the sentence; neither says where the buyer is."""
    for purchase in _all(stage):
        scored = await stage.ask(purchase)
        if len(scored.reasons) > MAX_REASONS:
            return f"gives {len(scored.reasons)} reasons, of {MAX_REASONS} that are kept"
        fault = next(filter(None, (_fault(one, purchase) for one in scored.reasons)), None)
        if fault:
            return fault
    return None


async def the_risky_purchase_scores_more_than_the_plain_one(stage: ScorerStage) -> Verdict:
    """What the rehearsal calls risky is."""
    risky, plain = stage.rehearsal.risky, stage.rehearsal.plain
    if risky is None or plain is None:
        return NotRun("the rehearsal names no risky purchase and a plain one")
    more, less = await stage.ask(risky), await stage.ask(plain)
    if more.points > less.points:
        return None
    return f"the risky one has {more.points} points, and the plain one {less.points}"


async def the_same_purchase_gets_the_same_score(stage: ScorerStage) -> Verdict:
    """Scorers are asked again when a request is repeated, also while the first is on its way."""
    for purchase in stage.purchases():
        first, beside = await asyncio.gather(stage.ask(purchase), stage.ask(purchase))
        again = await stage.ask(purchase)
        if not first == beside == again:
            return f"answered {first!r}, at the same time {beside!r}, and later {again!r}"
    return None


def _all(stage: ScorerStage) -> list[PurchaseView]:
    return [*stage.purchases(), *(one for _, one in (*amounts(stage), *gaps(stage)))]


def _fault(reason: Reason, purchase: PurchaseView) -> str | None:
    code, detail, points = _facts(reason)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return f"the code {code!r} is not like device_shared"
    if not _is_whole(points, -MAX_POINTS):
        return f"the reason {code} has {points!r} points, no whole number from -100 to 100"
    if not isinstance(detail, str) or not detail.isprintable() or " " not in detail.strip():
        return f"the detail {detail!r} is no sentence"
    if len(detail) > MAX_REASON_TEXT:
        return f"the sentence of {code} is longer than {MAX_REASON_TEXT} characters"
    if purchase.address is not None and purchase.address in detail:
        return f"the buyer's address stands in the reason {code}"
    return None


def _facts(reason: Reason) -> tuple[object, object, object]:
    """Return its fields as what they may be: no constructor of a struct looks at types."""
    return reason.code, reason.detail, reason.points


def _is_whole(number: object, least: int) -> bool:
    return type(number) is int and least <= number <= MAX_POINTS


CHECKS: tuple[ScorerCheck, ...] = (
    every_purchase_gets_a_score,
    points_are_whole_and_have_reasons,
    reasons_are_codes_and_sentences,
    the_risky_purchase_scores_more_than_the_plain_one,
    the_same_purchase_gets_the_same_score,
)
