"""Subscriptions at the lab's Apple: what renews them, and what else becomes of them.

https://developer.apple.com/documentation/appstoreservernotifications/notificationtype
"""

from dataclasses import replace
from datetime import datetime, timedelta

from guildbank_lab.apple import wire
from guildbank_lab.apple.desk import AppleDesk
from guildbank_lab.apple.records import App, Sale, Subscription, Wish

KIND = "Auto-Renewable Subscription"


def subscribe(apple: AppleDesk, app: App, wish: Wish, original: str | None) -> Sale:
    """Sell the first period, or with an `original` one at once in the place of what it is."""
    known = apple.subscriptions.get(original or "")
    now = apple.bench.clock.now()
    if known is None:
        made = apple.sell(app, wish, now)
        known = apple.subscriptions[made.transaction_id] = Subscription(
            app=app, original=made.transaction_id, wish=wish, status=wire.ACTIVE, renews=True,
            ends=now + timedelta(days=wish.days),
        )  # fmt: skip
        _dated(known, made)
        apple.tell(app, "SUBSCRIBED", made, "INITIAL_BUY")
        return made
    ended = known.status in (wire.EXPIRED, wire.REVOKED)
    known.wish = wish
    made = _period(apple, known, now)
    kind, subtype = (
        ("SUBSCRIBED", "RESUBSCRIBE") if ended else ("DID_CHANGE_RENEWAL_PREF", "UPGRADE")
    )
    apple.tell(app, kind, made, subtype)
    return made


def renew(apple: AppleDesk, known: Subscription, price: int | None) -> Sale:
    """Take money for the next period, which begins when the last one ended."""
    if price is not None:
        known.wish = replace(known.wish, price=price)
    recovered = known.status in (wire.RETRYING, wire.GRACE)
    made = _period(apple, known, known.ends)
    apple.tell(known.app, "DID_RENEW", made, "BILLING_RECOVERY" if recovered else None)
    return made


def become(apple: AppleDesk, known: Subscription, what: str, product: str | None) -> None:
    """Let a subscription be canceled, resumed, downgraded, unpaid, in grace, or over."""
    kind, subtype = {
        "cancel": ("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED"),
        "resume": ("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED"),
        "downgrade": ("DID_CHANGE_RENEWAL_PREF", "DOWNGRADE"),
        "fail": ("DID_FAIL_TO_RENEW", None),
        "grace": ("DID_FAIL_TO_RENEW", "GRACE_PERIOD"),
        "expire": ("EXPIRED", "BILLING_RETRY" if known.renews else "VOLUNTARY"),
    }[what]
    known.status = {
        "fail": wire.RETRYING, "grace": wire.GRACE, "expire": wire.EXPIRED,
    }.get(what, known.status)  # fmt: skip
    known.renews = what == "resume" or (what not in ("cancel", "expire") and known.renews)
    if product is not None:
        known.wish = replace(known.wish, product=product)
    if what == "expire":
        known.ends = periods(apple, known)[-1].ends = apple.bench.clock.now()
    apple.tell(known.app, kind, periods(apple, known)[-1], subtype)


def periods(apple: AppleDesk, known: Subscription) -> list[Sale]:
    """Return what was sold of a subscription, the oldest first."""
    return [one for one in apple.sales.values() if one.original == known.original]


def _period(apple: AppleDesk, known: Subscription, begins: datetime) -> Sale:
    made = apple.sell(known.app, known.wish, begins)
    known.status, known.renews = wire.ACTIVE, True
    known.ends = begins + timedelta(days=known.wish.days)
    _dated(known, made)
    return made


def _dated(known: Subscription, made: Sale) -> None:
    made.original, made.ends = known.original, known.ends
