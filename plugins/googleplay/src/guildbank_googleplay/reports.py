"""Voided purchases, read by windows of time: what went back to buyers, notified of or not.

https://developers.google.com/android-publisher/voided-purchases : the last 30 days, pages of 1,000,
the oldest first, by when Google found them voided.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from guildbank.plugin_api import MAX_REPORTED, EventKind, NoAnswer, ProviderEvent, ReportPage
from guildbank_googleplay.api import Google
from guildbank_googleplay.objects import Voided
from guildbank_googleplay.refunds import reference_of
from guildbank_googleplay.tokens import GoogleFailed

LATE = timedelta(hours=1)
"""How much later than newer ones a purchase may be listed and is found all the same."""
_KEPT = timedelta(days=30) - timedelta(hours=1)
_SHORTEST = timedelta(seconds=1)
REASONS = (
    "other", "remorse", "not_received", "defective", "accidental_purchase", "fraud",
    "friendly_fraud", "chargeback", "unacknowledged",
)  # fmt: skip
"""Google's reasons by their number."""


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where the next reading of an app's list begins; another app's begins anew."""

    package_name: str
    at: datetime


async def read(google: Google, since: datetime, cursor: str | None) -> ReportPage:
    """Return what was voided in the next window; one with more than fits a page is halved.

    After the last window, which ends now, the next reading begins a while before its end.
    """
    package = google.settings.package_name
    begin = max(_place(package, cursor) or since, google.now - _KEPT)
    window = max(google.now - begin, _SHORTEST)
    while True:
        end = min(begin + window, google.now)
        found = await _voided(google, begin, end)
        if found is not None:
            break
        window /= 2
        if window < _SHORTEST:
            raise GoogleFailed(f"more than {MAX_REPORTED} purchases were voided at {begin}")
    last = end >= google.now
    return ReportPage(
        events=tuple(_event(one) for one in found if one.order_id or one.purchase_token),
        cursor=msgspec.json.encode(_Cursor(package, end - LATE if last else end)).decode(),
        more=not last,
    )


async def reason_of(google: Google, name: str) -> str | None:
    """Return why an order was voided of late, None where the list does not say so yet."""
    try:
        page = await google.voided(google.now - LATE, google.now)
    except (GoogleFailed, NoAnswer):
        return None
    return next((_word_of(one) for one in page.voided_purchases if one.order_id == name), None)


async def _voided(google: Google, begin: datetime, end: datetime) -> Sequence[Voided] | None:
    """Return what was voided in a span, None where it is more than fits a page."""
    found, page = list[Voided](), ""
    while True:
        answer = await google.voided(begin, end, page)
        found += answer.voided_purchases
        if len(found) > MAX_REPORTED:
            return None
        following = answer.token_pagination.next_page_token
        if following in ("", page):
            return found
        page = following


def _event(voided: Voided) -> ProviderEvent:
    name = voided.order_id or voided.purchase_token
    return ProviderEvent(
        external_id=f"voided/{name}/{voided.voided_time_millis}",
        kind=EventKind.REFUND,
        payment_reference=name,
        refund_reference=reference_of(name),
        reason=_word_of(voided),
    )


def _word_of(voided: Voided) -> str:
    known = 0 <= voided.voided_reason < len(REASONS)
    return REASONS[voided.voided_reason] if known else "other"


def _place(package: str, cursor: str | None) -> datetime | None:
    """Return the place of a cursor, None where it is of another app or of another version."""
    if cursor is None:
        return None
    try:
        kept = msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError:
        return None
    return kept.at if kept.package_name == package else None
