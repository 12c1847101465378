"""Subscriptions at the lab's Google: what renews them, and what else becomes of them.

https://developer.android.com/google/play/billing/rtdn-reference
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from guildbank_lab.google import wire
from guildbank_lab.google.desk import GoogleDesk
from guildbank_lab.google.records import App, Sale, Subscription, Wish

ACTIVE, CANCELED, GRACE, HOLD, PAUSED, EXPIRED = (
    "ACTIVE", "CANCELED", "IN_GRACE_PERIOD", "ON_HOLD", "PAUSED", "EXPIRED",
)  # fmt: skip
_RECOVERED, _RENEWED, _PURCHASED = 1, 2, 4
_BECOMES = {
    "cancel": (CANCELED, 3),
    "resume": (ACTIVE, 7),
    "fail": (HOLD, 5),
    "grace": (GRACE, 6),
    "pause": (PAUSED, 10),
    "revoke": (EXPIRED, 12),
    "expire": (EXPIRED, 13),
}
"""How it stands then, and Google's number of what is told."""


def subscribe(google: GoogleDesk, app: App, wish: Wish) -> Sale:
    """Sell the first period."""
    now = google.bench.clock.now()
    known = Subscription(
        app=app, token=google.new_token(), wish=wish, state=ACTIVE,
        ends=now + timedelta(days=wish.days),
    )  # fmt: skip
    google.subscriptions[known.token] = known
    made = _period(google, known, now, google.new_order())
    google.tell(app, made, wire.became(known, _PURCHASED))
    return made


def renew(google: GoogleDesk, known: Subscription, price: Decimal | None) -> Sale:
    """Take money for the next period, which begins when the last one ended."""
    if price is not None:
        known.wish = replace(known.wish, price=price)
    recovered = known.state in (HOLD, GRACE)
    base, _, number = periods(google, known)[-1].order_id.partition("..")
    begins, known.state, known.renews = known.ends, ACTIVE, True
    known.ends = begins + timedelta(days=known.wish.days)
    made = _period(google, known, begins, f"{base}..{int(number) + 1 if number else 0}")
    google.tell(known.app, made, wire.became(known, _RECOVERED if recovered else _RENEWED))
    return made


def become(google: GoogleDesk, known: Subscription, what: str) -> None:
    """Let a subscription be canceled, resumed, unpaid, in grace, paused, revoked or over."""
    known.state, told = _BECOMES[what]
    known.renews = what not in ("cancel", "revoke", "expire")
    if known.state == EXPIRED:
        known.ends = google.bench.clock.now()
    google.tell(known.app, periods(google, known)[-1], wire.became(known, told))


def periods(google: GoogleDesk, known: Subscription) -> list[Sale]:
    """Return what was sold of a subscription, the oldest first."""
    return [one for one in google.sales.values() if one.token == known.token]


def _period(google: GoogleDesk, known: Subscription, begins: datetime, order_id: str) -> Sale:
    made = Sale(
        app=known.app, token=known.token, order_id=order_id, wish=known.wish,
        state=wire.PURCHASED, bought=begins, ends=known.ends,
    )  # fmt: skip
    google.sell_period(known, made)
    return made
