"""Says which rules hold for a purchase, and what each of them saw."""

from collections.abc import Sequence
from datetime import datetime

from guildbank.plugin_api import (
    MAX_PAST,
    MAX_POINTS,
    PastPurchase,
    PastState,
    PurchaseView,
    Reason,
    Scored,
    rivals,
)
from guildbank_score.settings import Rule

MOST_SEEN = 100
"""Characters of an annotation that a reason tells."""
_STATES = {
    "purchases": frozenset(PastState),
    "paid": frozenset({PastState.PAID}),
    "returned": frozenset({PastState.RETURNED}),
}


class NoScore(Exception):
    """A rule cannot be answered, so nothing can be; the message names no person."""


def weigh(
    rules: Sequence[Rule],
    past: Sequence[PastPurchase],
    reached: datetime,
    purchase: PurchaseView,
    now: datetime,
) -> Scored:
    """Return the points of all rules that hold, between 0 and 100, each with what it saw.

    `past` is what was bought since `reached`. Raises NoScore.
    """
    if len(past) >= MAX_PAST and past[-1].created_at > reached:
        raise NoScore("the player has so many purchases that not all are told")
    reasons: list[Reason] = []
    for rule in rules:
        seen = _seen(rule, past, purchase, now)
        if seen is not None:
            detail = f"{rule.detail} ({seen})"
            reasons.append(Reason(code=rule.code, points=rule.points, detail=detail))
    total = sum(one.points for one in reasons)
    return Scored(points=max(0, min(MAX_POINTS, total)), reasons=tuple(reasons))


def _seen(
    rule: Rule, past: Sequence[PastPurchase], purchase: PurchaseView, now: datetime
) -> str | None:
    """Return what makes the rule hold, None where it does not."""
    if rule.annotation is not None:
        return _of_annotation(rule, rule.annotation, purchase.annotations.get(rule.annotation))
    if rule.history is not None:
        since = now - rule.window
        many = _count(rule.history, past, purchase.payment_id, since)
        hours = f"within {rule.within_hours} hours"
        return f"{many} {rule.history} {hours}" if _is_within(rule, many) else None
    if purchase.currency != rule.price_in or not _is_within(rule, purchase.amount_minor):
        return None
    return f"the price is {purchase.amount_minor} in minor units of {purchase.currency}"


def _of_annotation(rule: Rule, name: str, text: str | None) -> str | None:
    if rule.missing or text is None:
        return f"{name} is missing" if rule.missing and text is None else None
    shown = f"{name} is {''.join(filter(str.isprintable, text))[:MOST_SEEN]}"
    if rule.values is not None:
        return shown if text in rule.values else None
    # What int() takes besides, such as blanks and underlines, was no number to who wrote it.
    if not (text.isascii() and text.isdecimal()):
        raise NoScore(f"the rule {rule.code} needs a whole number in {name}")
    return shown if _is_within(rule, int(text)) else None


def _count(kind: str, past: Sequence[PastPurchase], own: str, since: datetime) -> int:
    if kind == "declines":
        return sum(at > since for one in past for at in one.declined_at)
    others = [one for one in rivals(past, own) if one.created_at > since]
    return sum(one.state in _STATES[kind] for one in others)


def _is_within(rule: Rule, number: int) -> bool:
    enough = rule.at_least is None or number >= rule.at_least
    return enough and (rule.at_most is None or number <= rule.at_most)
