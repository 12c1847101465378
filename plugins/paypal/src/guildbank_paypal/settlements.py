"""What PayPal settled: the transactions of its search as the lines of a report.

https://developer.paypal.com/docs/api/transaction-search/v1/ ; what a line is about is said by the
group and the number of its event code, https://developer.paypal.com/reports/reference/t-codes .
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from guildbank.plugin_api import Settlement, SettlementKind, SettlementPage
from guildbank_paypal.amounts import signed_from_paypal
from guildbank_paypal.client import Client, PayPalFailed, Refused, path_of
from guildbank_paypal.marks import Mark, read_mark, read_payout
from guildbank_paypal.objects import Capture, Money

_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(days=31)
_SECOND = timedelta(seconds=1)
_SHORTEST_SECONDS = 120
_TOO_MANY = "RESULTSET_TOO_LARGE"
_MOST_LOOKS = 20
"""How many captures of a page are looked up, so that the page comes in time."""
_MOVED = frozenset({"S", "V"})
"""Done, and done but reversed since; what is pending or denied has moved nothing."""
_DISPUTES = frozenset({"T1106", "T1201", "T1202", "T1205", "T1207", "T1208"})
_TO_PLAYERS = frozenset({"T0001", "T1114", "T1115"})
"""Payments of batches, and those that were reversed or given back
(https://developer.paypal.com/payouts/settlement-transaction-details)."""
_FEES = frozenset({"T1108", "T1109"})
_REFUND = "T1107"
_CAPTURE = (None, "", "TXN")
"""Types of a reference that leads from a refund or dispute to its capture."""


class _Info(msgspec.Struct, frozen=True):
    transaction_id: str
    transaction_event_code: str
    transaction_initiation_date: str
    transaction_status: str
    transaction_amount: Money
    fee_amount: Money | None = None
    paypal_reference_id: str | None = None
    paypal_reference_id_type: str | None = None
    invoice_id: str | None = None
    custom_field: str | None = None


class _Detail(msgspec.Struct, frozen=True):
    transaction_info: _Info


class _Found(msgspec.Struct, frozen=True):
    transaction_details: tuple[_Detail, ...] = ()
    total_pages: int = 0


class _Place(NamedTuple):
    """Where reading goes on: seconds since the period's begin, those of the window, its page."""

    begin: int
    length: int
    page: int

    @staticmethod
    def read(cursor: str) -> "_Place":
        """Return the place of a cursor. Raises ValueError for one that is none of ours."""
        begin, length, page = map(int, cursor.split(":"))
        return _Place(begin, length, page)


async def page(
    client: Client, since: datetime, until: datetime, cursor: str | None
) -> SettlementPage:
    """Return a page of lines.

    PayPal searches at most 31 days at a time, and refuses a window with too many transactions: then
    half of it is asked for, and windows stay as short from there on.
    """
    begins, ends = _whole(since), _whole(until)
    if begins >= ends:
        return SettlementPage(lines=())
    place = _Place(0, min(_LONGEST, ends - begins) // _SECOND, 1)
    if cursor is not None:
        place = _Place.read(cursor)
    while True:
        begin = begins + place.begin * _SECOND
        end = min(begin + place.length * _SECOND, ends)
        found = await _search(client, begin, end, place.page)
        if isinstance(found, _Found):
            break
        too_many = _TOO_MANY in (found.name, found.issue)
        if not too_many or place.length < _SHORTEST_SECONDS:
            raise PayPalFailed(f"PayPal refused its report: {found.status} {found.issue}")
        place = _Place(place.begin, place.length // 2, 1)
    moved = [one.transaction_info for one in found.transaction_details]
    lines = await _lines(client, [one for one in moved if one.transaction_status in _MOVED], end)
    after: _Place | None = _Place(place.begin + place.length, place.length, 1)
    if place.page < found.total_pages:
        after = place._replace(page=place.page + 1)
    elif end >= ends:
        after = None
    return SettlementPage(lines=lines, next=None if after is None else ":".join(map(str, after)))


async def _search(client: Client, begin: datetime, end: datetime, page: int) -> _Found | Refused:
    query = {
        "start_date": _text(begin),
        "end_date": _text(end),
        "fields": "transaction_info",
        "balance_affecting_records_only": "Y",
        "page_size": str(_PAGE),
        "page": str(page),
    }
    path = f"{path_of('v1', 'reporting', 'transactions')}?{urlencode(query)}"
    return await client.ask(path, _Found)


async def _lines(client: Client, found: list[_Info], end: datetime) -> tuple[Settlement, ...]:
    """Return the lines of a window; its end is PayPal's last second and the next window's first."""
    looks, lines = 0, list[Settlement]()
    for one in found:
        if _at(one) >= end:
            continue
        mark = _mark(one)
        captured = one.paypal_reference_id if one.paypal_reference_id_type in _CAPTURE else None
        kind = _kind(one)
        of_ours = kind in (SettlementKind.REFUND, SettlementKind.DISPUTE)
        if mark.attempt_id is None and captured and of_ours and looks < _MOST_LOOKS:
            # What PayPal's staff gave back or took names its capture alone.
            looks += 1
            capture = await client.get(path_of("v2", "payments", "captures", captured), Capture)
            mark = Mark() if capture is None else read_mark(capture.custom_id)
        lines.append(_settlement(one, kind, mark))
    return tuple(lines)


def _settlement(one: _Info, kind: SettlementKind, mark: Mark) -> Settlement:
    currency = one.transaction_amount.currency_code
    gross, fee = signed_from_paypal(one.transaction_amount.value, currency), 0
    if one.fee_amount is not None:
        if one.fee_amount.currency_code != currency:
            raise PayPalFailed("PayPal reports a fee in another money than its transaction")
        # PayPal writes what it keeps as a negative amount.
        fee = -signed_from_paypal(one.fee_amount.value, currency)
    net = gross - fee
    if kind is SettlementKind.FEE:
        gross, fee = 0, -net
    is_refund = kind is SettlementKind.REFUND
    return Settlement(
        # An id may stand on two transactions; each has a code of its own.
        transaction=f"{one.transaction_id}:{one.transaction_event_code}",
        kind=kind,
        at=_at(one),
        currency=currency,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        attempt_id=mark.attempt_id,
        refund_id=mark.refund_id if is_refund else None,
        reference=one.transaction_id if is_refund else None,
        payout=_payout(one, kind),
    )


def _payout(one: _Info, kind: SettlementKind) -> str | None:
    """Return what a line is the payout of; the custom field has what we called the item."""
    if kind is SettlementKind.PLAYER_PAYOUT:
        return read_payout(one.custom_field) or read_payout(one.invoice_id)
    return one.transaction_id if kind is SettlementKind.PAYOUT else None


def _kind(one: _Info) -> SettlementKind:
    """Say what a transaction is about; holds, exchanges and all that is not known are adjustments.

    A payment that the merchant sent is none that a player made.
    """
    code = one.transaction_event_code
    received = not one.transaction_amount.value.startswith("-")
    if code in _TO_PLAYERS and not (code == "T0001" and received):
        return SettlementKind.PLAYER_PAYOUT
    if code == _REFUND:
        return SettlementKind.REFUND
    if code in _DISPUTES:
        return SettlementKind.DISPUTE
    if code in _FEES or code.startswith("T01"):
        return SettlementKind.FEE
    if code.startswith("T04"):
        return SettlementKind.PAYOUT
    return (
        SettlementKind.CAPTURE if code.startswith("T00") and received else SettlementKind.ADJUSTMENT
    )


def _mark(one: _Info) -> Mark:
    """Return whose it is: by what we wrote on it, else by the invoice that it was paid for."""
    mark = read_mark(one.custom_field)
    return mark if mark.attempt_id is not None else read_mark(one.invoice_id)


def _at(one: _Info) -> datetime:
    """Return when it was; PayPal writes offsets with a colon and without."""
    try:
        at = datetime.fromisoformat(one.transaction_initiation_date)
    except ValueError:
        raise PayPalFailed("PayPal reports a transaction at a time that cannot be read") from None
    if at.tzinfo is None:
        raise PayPalFailed("PayPal reports a transaction without a time zone")
    return at


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole(moment: datetime) -> datetime:
    """Return the first whole second that is not before the moment: PayPal counts in seconds."""
    return _EPOCH - (_EPOCH - moment) // _SECOND * _SECOND
