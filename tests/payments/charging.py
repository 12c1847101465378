"""Charge steps for the tests: each proposes what it is told to."""

from collections.abc import Callable
from typing import Any

from guildbank.plugin_api import (
    Charge,
    Charged,
    Context,
    Manifest,
    PurchaseView,
    Slot,
    base_of,
    levied,
)

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"word": {"type": "string", "maxLength": 9}},
}


def vat(price_minor: int, rate: str = "19") -> Charge:
    """Return the tax that a price bears."""
    amount = levied(price_minor, rate, included=True)
    return Charge(kind="tax", label="VAT", amount_minor=amount, included=True, rate=rate)


def sales_tax(price_minor: int, rate: str = "8.25") -> Charge:
    """Return the tax that is added to a price."""
    amount = levied(price_minor, rate, included=False)
    return Charge(kind="tax", label="Sales tax", amount_minor=amount, rate=rate)


def fee(amount_minor: int, *, included: bool = False) -> Charge:
    """Return a fee."""
    return Charge(kind="fee", label="Service", amount_minor=amount_minor, included=included)


class Charging:
    """Charges VAT out of the price, or what `says` does."""

    def __init__(self, id_: str = "vat", **more: Any) -> None:
        self.manifest = Manifest(
            id=id_, version="1", slot=Slot.CHARGE, title="VAT", timeout_seconds=1,
            settings_schema=SCHEMA, **more,
        )  # fmt: skip
        self.seen: list[PurchaseView] = []
        # Any, for some say what no step may.
        self.says: Callable[[PurchaseView], Any] = lambda one: Charged(
            charges=(vat(base_of(one.price_minor, one.charges, "price")),)
        )

    async def charge(self, context: Context, purchase: PurchaseView) -> Any:
        self.seen.append(purchase)
        said = self.says(purchase)
        if isinstance(said, Exception):
            raise said
        return said
