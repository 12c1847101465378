"""Objects as PayPal shows them.

Shapes: https://developer.paypal.com/docs/api/orders/v2/ , .../payments/v2/ and
.../customer-disputes/v1/ .
"""

from decimal import Decimal
from typing import Any

from guildbank_lab.paypal.records import Capture, Dispute, Order, Refund

WHOLE = frozenset({"HUF", "JPY", "TWD"})
CURRENCIES = frozenset(
    {
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS",
        "JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
    }
)  # fmt: skip

Json = dict[str, Any]


def money(currency: str, value: Decimal) -> Json:
    """Return an amount."""
    places = 0 if currency in WHOLE else 2
    return {"currency_code": currency, "value": f"{value:.{places}f}"}


def order(one: Order, url: str) -> Json:
    """Return an order with all that has happened to it."""
    unit: Json = {
        "reference_id": "default",
        "amount": money(one.currency, one.value),
        "payee": {"email_address": "merchant@example.com", "merchant_id": "LABMERCHANT01"},
        "description": one.description,
        "custom_id": one.custom_id,
        "invoice_id": one.invoice_id,
    }
    if one.capture is not None:
        payments: Json = {"captures": [capture(one, one.capture, url)]}
        if one.refunds:
            payments["refunds"] = [refund(one, each, url) for each in one.refunds]
        unit["payments"] = payments
    here = f"{url}/v2/checkout/orders/{one.id}"
    links = [link(here, "self", "GET")]
    if one.status == "PAYER_ACTION_REQUIRED":
        links.append(link(f"{url}/checkoutnow?token={one.id}", "payer-action", "GET"))
    if one.status == "APPROVED":
        links += [link(here, "update", "PATCH"), link(f"{here}/capture", "capture", "POST")]
    return {
        "id": one.id,
        "intent": "CAPTURE",
        "status": one.status,
        "payment_source": {"paypal": {}},
        "purchase_units": [unit],
        "create_time": one.at,
        "links": links,
    }


def capture(one: Order, taken: Capture, url: str) -> Json:
    """Return a capture."""
    here = f"{url}/v2/payments/captures/{taken.id}"
    shown: Json = {
        "id": taken.id,
        "status": _status_of(one, taken),
        "amount": money(taken.currency, taken.value),
        "final_capture": True,
        "custom_id": one.custom_id,
        "invoice_id": one.invoice_id,
        "supplementary_data": {"related_ids": {"order_id": one.id}},
        "create_time": taken.at,
        "update_time": taken.at,
        "links": [
            link(here, "self", "GET"),
            link(f"{here}/refund", "refund", "POST"),
            link(f"{url}/v2/checkout/orders/{one.id}", "up", "GET"),
        ],
    }
    if taken.reason is not None:
        shown["status_details"] = {"reason": taken.reason}
    if taken.processor is not None:
        shown["processor_response"] = {"response_code": taken.processor}
    return shown


def refund(one: Order, given: Refund, url: str) -> Json:
    """Return a refund."""
    shown: Json = {
        "id": given.id,
        "status": given.status,
        "amount": money(one.capture.currency if one.capture else one.currency, given.value),
        "invoice_id": one.invoice_id,
        "create_time": given.at,
        "update_time": given.at,
        "links": [link(f"{url}/v2/payments/refunds/{given.id}", "self", "GET")],
    }
    if one.capture is not None:
        up = f"{url}/v2/payments/captures/{one.capture.id}"
        shown["links"].append(link(up, "up", "GET"))
    if given.custom_id is not None:
        shown["custom_id"] = given.custom_id
    if given.note is not None:
        shown["note_to_payer"] = given.note
    return shown


def dispute(case: Dispute, url: str) -> Json:
    """Return a dispute."""
    one = case.order
    shown: Json = {
        "dispute_id": case.id,
        "create_time": case.at,
        "update_time": case.changed or case.at,
        "disputed_transactions": [
            {
                "seller_transaction_id": one.capture.id if one.capture else "",
                "custom": one.custom_id,
                "invoice_number": one.invoice_id,
                "gross_amount": money(one.currency, one.value),
            }
        ],
        "reason": case.reason,
        "status": case.status if case.outcome is None else "RESOLVED",
        "dispute_amount": money(one.currency, case.value),
        "dispute_life_cycle_stage": case.stage,
        "dispute_channel": "INTERNAL",
        "links": [link(f"{url}/v1/customer/disputes/{case.id}", "self", "GET")],
    }
    if case.due is not None:
        shown["seller_response_due_date"] = case.due
    if case.outcome is not None:
        shown["dispute_outcome"] = {"outcome_code": case.outcome}
        if case.refunded is not None:
            shown["dispute_outcome"]["amount_refunded"] = money(one.currency, case.refunded)
    return shown


def _status_of(one: Order, taken: Capture) -> str:
    if taken.status != "COMPLETED" or not one.refunded:
        return taken.status
    return "REFUNDED" if one.refunded >= taken.value else "PARTIALLY_REFUNDED"


def link(href: str, rel: str, method: str) -> Json:
    """Return where an object leads."""
    return {"href": href, "rel": rel, "method": method}
