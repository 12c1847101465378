"""What Apple tried to tell, read again from its history: no notification is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from appstoreserverlibrary.api_client import APIException
from appstoreserverlibrary.models.NotificationHistoryRequest import NotificationHistoryRequest

from guildbank.kernel import epoch_ms
from guildbank.plugin_api import MAX_REPORTED, ProviderEvent, ReportPage
from guildbank_appstore.api import Apple, AppleFailed, check_page, failed
from guildbank_appstore.notifications import HISTORY, event_of
from guildbank_appstore.trust import Doubted, read_notification

LATE = timedelta(minutes=15)
"""How much later than newer ones a notification may come and is found all the same."""
WINDOW = timedelta(hours=6)
_SHORTEST = timedelta(seconds=1)
_KEPT = {"live": timedelta(days=180), "test": timedelta(days=30)}
_MARGIN = timedelta(hours=1)


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Up to when the history of an app is read; another app's begins anew."""

    bundle_id: str
    at: datetime


async def read(apple: Apple, mode: str, since: datetime, cursor: str | None) -> ReportPage:
    """Return the events of the next window of the history.

    A window that has more than a page holds is asked for again by half. The last window, which
    ends now, moves on to its newest notification only: one that Apple shows late is then found.
    """
    bundle = apple.settings.bundle_id
    at = max(_place(bundle, cursor) or since, apple.now - _KEPT[mode] + _MARGIN)
    begin, window = at - LATE, WINDOW
    while True:
        end = min(begin + window, apple.now)
        found = await _signed(apple, begin, end)
        if found is not None:
            break
        window /= 2
        if window < _SHORTEST:
            raise AppleFailed(f"more than {MAX_REPORTED} notifications are of one second, {begin}")
    events, newest = _events(apple, found)
    last = end == apple.now
    after = max(at, min(newest or at, end)) if last else max(at, end)
    if not last and after == at:
        after = at + _SHORTEST
    return ReportPage(
        events=tuple(events),
        cursor=msgspec.json.encode(_Cursor(bundle, after)).decode(),
        more=not last,
    )


async def _signed(apple: Apple, begin: datetime, end: datetime) -> Sequence[str] | None:
    """Return what was signed in a window, None where it is more than fits a page."""
    wanted = NotificationHistoryRequest(startDate=epoch_ms(begin), endDate=epoch_ms(end))
    client, token, found = apple.client(), None, list[str]()
    while True:
        try:
            page = await client.get_notification_history(token, wanted)
        except APIException as error:
            raise failed(error) from None
        check_page(page.hasMore)
        found += [one.signedPayload for one in page.notificationHistory or () if one.signedPayload]
        if len(found) > MAX_REPORTED:
            return None
        if not page.hasMore or page.paginationToken in (None, token):
            return found
        token = page.paginationToken


def _events(apple: Apple, signed: Sequence[str]) -> tuple[list[ProviderEvent], datetime | None]:
    """Return the events, and when the newest notification was signed.

    What is not believed is left out: it is of the other environment, or of nobody we know.
    """
    events: list[ProviderEvent] = []
    newest: int | None = None
    for one in signed:
        try:
            events.append(event_of(apple, one, HISTORY))
            told = read_notification(apple.settings, apple.environment, one, apple.now, HISTORY)
        except Doubted:
            continue
        newest = max(newest or 0, told.signedDate or 0)
    return events, None if newest is None else datetime.fromtimestamp(newest // 1000, UTC)


def _place(bundle_id: str, cursor: str | None) -> datetime | None:
    """Return the place of a cursor, None where it is of another app or of another version."""
    if cursor is None:
        return None
    try:
        kept = msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError:
        return None
    return kept.at if kept.bundle_id == bundle_id else None
