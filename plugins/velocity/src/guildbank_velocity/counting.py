"""Decides by what was bought before whether one purchase more keeps a limit, and when it would."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from guildbank.kernel import format_money
from guildbank.plugin_api import MAX_PAST, PastPurchase, PastState, PurchaseView, Veto, rivals
from guildbank_velocity.settings import DECIMALS, Limit

COUNTED = frozenset({PastState.PAID, PastState.OPEN})
PAYABLE = timedelta(days=1)
"""How long tries to pay a purchase may go on, so that older ones have declines of now."""


class Counted(NamedTuple):
    """What counts against a limit, and when it happened: it is forgotten a window later."""

    at: datetime
    amount: int


def reach(limit: Limit) -> timedelta:
    """Return how far back purchases were begun that the limit may count."""
    return limit.window + (PAYABLE if limit.most_declines is not None else timedelta())


def judge(
    limit: Limit, past: Sequence[PastPurchase], purchase: PurchaseView, now: datetime
) -> Veto | None:
    """Return the veto of a limit that the purchase would break."""
    since = now - limit.window
    [kind] = limit.set_kinds()
    if len(past) >= MAX_PAST and past[-1].created_at > now - reach(limit):
        # Older ones are not told, so nobody knows that they keep the limit.
        return _too_many_purchases(past[-1].created_at + limit.window - now)
    if kind == "most_declines":
        counted = _declines(past, since)
    else:
        counted = _purchases(limit, past, purchase, since)
    added = purchase.amount_minor if kind == "most_minor" else 1
    if kind == "most_minor" and purchase.currency != limit.money:
        return None
    room = limit.most(kind) - added
    if room < 0:
        return _too_much_at_once(limit)
    wait = _until(counted, room, since)
    if wait is None:
        return None
    if kind == "most_declines":
        return Veto(
            code="too_many_declines",
            detail=f"Too many payments were declined. Try again in {written(wait)}.",
        )
    return _too_many_purchases(wait) if kind == "most_purchases" else _too_much(limit, wait)


def _purchases(
    limit: Limit, past: Sequence[PastPurchase], purchase: PurchaseView, since: datetime
) -> list[Counted]:
    return [
        Counted(one.created_at, one.amount_minor if limit.most_minor is not None else 1)
        for one in rivals(past, purchase.payment_id)
        if one.state in COUNTED and one.created_at > since and limit.money in {None, one.currency}
    ]


def _declines(past: Sequence[PastPurchase], since: datetime) -> list[Counted]:
    """Count tries and not purchases, those of the purchase itself too."""
    return [Counted(at, 1) for one in past for at in one.declined_at if at > since]


def _until(counted: Sequence[Counted], room: int, since: datetime) -> timedelta | None:
    """Return how long it takes until no more than `room` is counted; None where it is so now."""
    over = sum(one.amount for one in counted) - room
    wait = None
    for one in sorted(counted):
        if over <= 0:
            break
        over -= one.amount
        wait = one.at - since
    return wait


def _too_many_purchases(wait: timedelta) -> Veto:
    return Veto(
        code="too_many_purchases",
        detail=f"You have made too many purchases of late. Try again in {written(wait)}.",
    )


def _too_much(limit: Limit, wait: timedelta) -> Veto:
    span = written(limit.window)
    return Veto(
        code="spent_too_much",
        detail=f"Purchases may cost {_money(limit)} within {span} together. "
        f"Try again in {written(wait)}, or choose something smaller.",
    )


def _too_much_at_once(limit: Limit) -> Veto:
    return Veto(
        code="spent_too_much",
        detail=f"Purchases may cost {_money(limit)} within {written(limit.window)} together. "
        "Choose something smaller.",
    )


def _money(limit: Limit) -> str:
    money = limit.money or ""
    return f"{format_money(limit.most('most_minor'), DECIMALS[money])} {money}"


def written(span: timedelta) -> str:
    """Return a span in words, never shorter than it is: players come back when it is over."""
    seconds = ceil(span / timedelta(seconds=1))
    if seconds >= 2 * 86_400:
        return _plural(seconds, 86_400, "day")
    return _plural(seconds, 3_600, "hour") if seconds >= 7_200 else _plural(seconds, 60, "minute")


def _plural(seconds: int, size: int, name: str) -> str:
    many = max(1, -(-seconds // size))
    return f"{many} {name}{'s' if many > 1 else ''}"
