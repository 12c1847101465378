"""Answers as Steam words them.

Shapes: https://partner.steamgames.com/doc/webapi/ISteamMicroTxn , in JSON as GetReport shows it.
"""

from datetime import datetime
from typing import Any

from guildbank_lab.steam.records import Order

Json = dict[str, Any]
STEPS = {
    "CLP": 100, "COP": 100, "CRC": 500, "IDR": 100, "INR": 100, "JPY": 100, "KRW": 1_000,
    "KZT": 100, "TWD": 100, "UAH": 100, "UYU": 100, "VND": 50_000,
}  # fmt: skip
CURRENCIES = frozenset(STEPS) | {
    "AED", "AUD", "BRL", "CAD", "CHF", "CNY", "EUR", "GBP", "HKD", "ILS", "KWD", "MXN", "MYR",
    "NOK", "NZD", "PEN", "PHP", "PLN", "QAR", "RUB", "SAR", "SGD", "THB", "USD", "ZAR",
}  # fmt: skip


class Failure(Exception):
    """Carries one of Steam's error codes to the edge, with what the order is called."""

    def __init__(self, code: int, order_id: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.order_id = order_id


def ok(params: Json) -> Json:
    """Return a result that went well."""
    return {"response": {"result": "OK", "params": params}}


def failure(failed: Failure) -> Json:
    """Return a result that did not."""
    params = {} if failed.order_id is None else {"orderid": failed.order_id}
    error = {"errorcode": str(failed.code), "errordesc": f"Error {failed.code} of the lab"}
    return {"response": {"result": "Failure", "params": params, "error": error}}


def order(one: Order) -> Json:
    """Return an order as a look and a report show it."""
    return {
        "orderid": one.order_id,
        "transid": one.trans_id,
        "steamid": one.steam_id,
        "status": one.status,
        "currency": one.currency,
        "time": time_of(one.changed),
        "country": one.country,
        "usstate": one.state,
        "timecreated": time_of(one.made),
        "items": [
            {
                "itemid": one.item_id,
                "qty": one.quantity,
                "amount": item.amount,
                "vat": item.vat,
                "itemstatus": item.status or one.status,
            }
            for item in one.items
        ],
    }


def time_of(at: datetime) -> str:
    """Return a time as Steam writes it, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
