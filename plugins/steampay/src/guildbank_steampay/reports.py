"""What became of orders, as Steam's reports tell it: refunds and chargebacks, once for each item.

Valve documents the start of a report and its longest length, not its order, and not which report
has which lines. Taken for granted is that a report begins with its earliest lines; read are that of
the game's sales and that of chargebacks. Each is read again from a while before its newest line.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from guildbank.plugin_api import EventKind, ProviderEvent, ReportPage
from guildbank_steampay.amounts import NotExpressible
from guildbank_steampay.chargebacks import PAID, Chargeback, charged_back, not_charged_back
from guildbank_steampay.client import Client, Refused, SteamFailed
from guildbank_steampay.errors import row_of
from guildbank_steampay.orders import Order
from guildbank_steampay.refunds import reference_of

KINDS = ("GAMESALES", "CHARGEBACK")
LATE = timedelta(minutes=15)
"""How late a line may come and is found all the same."""
_LINES = (200, 5_000)
"""Of a page; the second where a single second has more of them than fit the first."""
_A_SECOND = timedelta(seconds=1)
_SOLD_WITHIN = timedelta(days=1)
"""Players approve and games confirm in minutes; no bank takes a chargeback back within a day."""
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class _Report(msgspec.Struct, frozen=True):
    orders: Sequence[Order] = ()


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a report is read: its newest line, and where the next page begins, None at rest."""

    newest: datetime
    at: datetime | None = None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The places of all reports, of one game: another one's begin anew."""

    app_id: str
    places: dict[str, _Place]


_REPORTS = msgspec.json.Decoder(_Report, strict=False)


async def read(client: Client, since: datetime, cursor: str | None) -> ReportPage:
    """Return a page of the next report that has something to be read."""
    app_id = client.settings.app_id
    places = _places(app_id, cursor) or {kind: _Place(since) for kind in KINDS}
    if all(place.at is None for place in places.values()):
        places = {kind: _Place(one.newest, one.newest - LATE) for kind, one in places.items()}
    kind, place = next((kind, one) for kind, one in places.items() if one.at is not None)
    assert place.at is not None, "the places that are at rest were moved or left out"
    orders = await page_of(client, kind, place.at)
    places[kind] = _after(place, orders, client.now)
    return ReportPage(
        events=tuple(event for order in orders for event in events_of(order)),
        cursor=msgspec.json.encode(_Cursor(app_id, places)).decode(),
        more=any(one.at is not None for one in places.values()),
    )


def _after(place: _Place, orders: Sequence[Order], now: datetime) -> _Place:
    """Return the place behind a page. Only an empty one is the last: Steam may show less than all.

    The next page begins with the second of the last line, which may have more of them. A line from
    the future does not keep those of until then from being read.
    """
    if not orders:
        return _Place(place.newest)
    last = max(map(time_of, orders))
    began = place.at or place.newest
    begins = last if last > began else began + _A_SECOND
    return _Place(max(place.newest, min(last, now)), begins)


def events_of(order: Order) -> list[ProviderEvent]:
    """Return what an order's line tells, which is nothing but that money went back."""
    if order.asked_minor is None or order.orderid == "0":
        return []
    try:
        gone = [_of(order, one, EventKind.DISPUTE_LOST) for one in charged_back(order)]
        here = [_of(order, one, EventKind.DISPUTE_TAKEN_BACK) for one in not_charged_back(order)]
    except NotExpressible:
        gone = here = []
    changed_late = gone or _changed_long_after_its_sale(order)
    return [*gone, *(here if changed_late else ()), *_refunds(order)]


def _refunds(order: Order) -> list[ProviderEvent]:
    return [
        ProviderEvent(
            external_id=f"{reference_of(order, number)}/refunded",
            kind=EventKind.REFUND,
            payment_reference=order.orderid,
            refund_reference=reference_of(order, number),
            currency=order.currency,
            reason=order.status[:60],
        )
        for number, item in enumerate(order.items, 1)
        if order.is_back(item)
    ]


def _changed_long_after_its_sale(order: Order) -> bool:
    """Say so of an order that is paid: only one that was charged back before ends like that."""
    if order.status != PAID or not order.timecreated:
        return False
    return _time(order.timecreated) + _SOLD_WITHIN < time_of(order)


def _of(order: Order, what: Chargeback, kind: EventKind) -> ProviderEvent:
    """Tell what a line shows of a chargeback. Each change of the order is news, by its time."""
    back = kind is EventKind.DISPUTE_TAKEN_BACK
    word = "taken_back" if back else "charged_back"
    at = time_of(order).astimezone(UTC).strftime(_FORMAT)
    return ProviderEvent(
        external_id=f"{what.name}/{word}/{at}",
        kind=kind,
        payment_reference=order.orderid,
        dispute_reference=what.name,
        amount_minor=what.amount_minor,
        currency=order.currency,
        reason="charged_back",
        won=back,
    )


async def page_of(
    client: Client, kind: str, begin: datetime, sizes: Sequence[int] = _LINES
) -> Sequence[Order]:
    """Return lines from a time on: as many as the first size, or more where one second has more.

    Raises SteamFailed, NoAnswer.
    """
    at = begin.astimezone(UTC).strftime(_FORMAT)
    for most in sizes:
        wanted = {"type": kind, "time": at, "maxresults": str(most)}
        said = await client.ask("GetReport", wanted)
        if isinstance(said, Refused):
            raise SteamFailed(f"Steam gave no report: {row_of(said.code).word}")
        try:
            orders = _REPORTS.decode(said).orders
        except msgspec.MsgspecError:
            raise SteamFailed("a report of Steam's cannot be read") from None
        if len(orders) < most or max(map(time_of, orders)) > begin:
            return orders
    raise SteamFailed(f"more than {sizes[-1]} lines of a report are of one second, {at}")


def time_of(order: Order) -> datetime:
    """Return when a line was last changed. Raises SteamFailed."""
    return _time(order.time)


def _time(told: str) -> datetime:
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise SteamFailed("a line of a report has no time") from None
    if at.tzinfo is None:
        raise SteamFailed("a line of a report has no time zone")
    return at


def _places(app_id: str, cursor: str | None) -> dict[str, _Place] | None:
    """Return the places of a cursor, None where it is of another game or of another version."""
    if cursor is None:
        return None
    try:
        kept = msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError:
        return None
    same = kept.app_id == app_id and set(kept.places) == set(KINDS)
    return dict(kept.places) if same else None
