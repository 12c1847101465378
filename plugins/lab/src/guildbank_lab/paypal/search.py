"""PayPal's transaction search: every movement of an account's money, with what PayPal kept of it.

Shapes: https://developer.paypal.com/docs/api/transaction-search/v1/
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import Desk
from guildbank_lab.paypal.errors import Refused
from guildbank_lab.paypal.payouts import FEE
from guildbank_lab.paypal.records import Account, Dispute, Order, Payout

LONGEST = timedelta(days=31)
MOST_ON_A_PAGE = 500
FEE_SHARE, FEE_FIXED = Decimal("0.0249"), Decimal("0.35")
DISPUTE_FEE = Decimal("16.00")
LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
_CENT, _WHOLE = Decimal("0.01"), Decimal(1)


def search(
    desk: Desk, account: Account, span: tuple[str, str], page: int, page_size: int
) -> dict[str, Any]:
    """Return a page of what moved between two times, the last second included."""
    try:
        begin, end = map(datetime.fromisoformat, span)
        length = end - begin
    except (TypeError, ValueError):
        raise Refused(400, "INVALID_REQUEST", "A date has no time zone, or is none") from None
    if length > LONGEST:
        raise Refused(400, "INVALID_REQUEST", "Date range is greater than 31 days")
    if begin > end or page < 1 or not 1 <= page_size <= MOST_ON_A_PAGE:
        raise Refused(400, "INVALID_REQUEST", "A page or a date is out of range")
    moved = [
        one
        for one in _movements(desk, account)
        if begin <= datetime.fromisoformat(one["transaction_initiation_date"]) <= end
    ]
    moved.sort(key=lambda one: (one["transaction_initiation_date"], one["transaction_id"]))
    shown = moved[(page - 1) * page_size : page * page_size]
    return {
        "transaction_details": [{"transaction_info": one} for one in shown],
        "start_date": begin.isoformat(),
        "end_date": end.isoformat(),
        "last_refreshed_datetime": desk.bench.clock.text(),
        "page": page,
        "total_items": len(moved),
        "total_pages": -(-len(moved) // page_size),
    }


def fee_of(value: Decimal, currency: str) -> Decimal:
    """Return what PayPal keeps of a payment: 2.49 % and 0.35, and never more than all of it."""
    step = _WHOLE if currency in wire.WHOLE else _CENT
    return min(value, (value * FEE_SHARE + FEE_FIXED).quantize(step, ROUND_HALF_UP))


def _movements(desk: Desk, account: Account) -> Iterator[dict[str, Any]]:
    for order in desk.orders.values():
        if order.account is account:
            yield from _of_order(order)
    for payout in desk.payouts.made.values():
        if payout.account is account:
            yield from _of_payout(payout)
    for case in desk.disputes.values():
        if case.order.account is account and case.outcome in LOST:
            yield from _of_dispute(case)


def _of_order(order: Order) -> Iterator[dict[str, Any]]:
    taken = order.capture
    if taken is None:
        return
    marks = {"custom_field": order.custom_id, "invoice_id": order.invoice_id}
    status = {"COMPLETED": "S", "PENDING": "P"}.get(taken.status, "D")
    fee = -fee_of(taken.value, taken.currency)
    if status == "S":
        yield _info("T0006", taken.id, taken.at, taken.currency, taken.value, fee, **marks)
    for one in order.refunds:
        if one.status == "COMPLETED":
            # A refund that nobody wrote anything on names its capture alone.
            own = {} if one.custom_id is None else {"custom_field": one.custom_id}
            yield _info(
                "T1107", one.id, one.at, taken.currency, -one.value, None,
                paypal_reference_id=taken.id, paypal_reference_id_type="TXN", **own,
            )  # fmt: skip


def _of_payout(payout: Payout) -> Iterator[dict[str, Any]]:
    """Yield a payout, its batch's fee, and the money that came back; each names our item."""
    money, mark = payout.currency, {"custom_field": payout.sender_item_id}
    status = {"SUCCESS": "S", "FAILED": "D", "DENIED": "D"}.get(payout.status, "P")
    if payout.back_id:
        status = "V"
    out, fee = payout.transaction_id, -fee_of_payout(money)
    yield _info(
        "T0001", out, payout.at, money, -payout.value, None, transaction_status=status, **mark
    )
    if status in ("S", "V") and fee:
        yield _info("T0104", payout.fee_id, payout.at, money, fee, None)
    if payout.back_id:
        code = "T1114" if payout.status == "REVERSED" else "T1115"
        yield _info(
            code, payout.back_id, payout.back_at, money, payout.value, None,
            paypal_reference_id=out, paypal_reference_id_type="TXN", **mark,
        )  # fmt: skip


def fee_of_payout(currency: str) -> Decimal:
    """Return what PayPal takes for a payout: 0.25, or nothing where that is no whole coin."""
    return FEE.quantize(_WHOLE if currency in wire.WHOLE else _CENT, ROUND_HALF_UP)


def _of_dispute(case: Dispute) -> Iterator[dict[str, Any]]:
    taken = case.order.capture
    assert taken is not None, "what is disputed was captured"
    value = case.value if case.refunded is None else case.refunded
    about = {"paypal_reference_id": taken.id, "paypal_reference_id_type": "TXN"}
    at = case.resolved_at or case.at
    yield _info("T1201", case.taken_by, at, taken.currency, -value, None, **about)
    yield _info("T0106", case.charged_by, at, taken.currency, -DISPUTE_FEE, None, **about)


def _info(
    code: str,
    id_: str,
    at: str,
    currency: str,
    value: Decimal,
    fee: Decimal | None,
    **said: str | None,
) -> dict[str, Any]:
    info: dict[str, Any] = {
        "transaction_id": id_,
        "transaction_event_code": code,
        "transaction_initiation_date": at,
        "transaction_updated_date": at,
        "transaction_amount": wire.money(currency, value),
        "transaction_status": "S",
        **{name: text for name, text in said.items() if text is not None},
    }
    if fee is not None:
        info["fee_amount"] = wire.money(currency, fee)
    return info
