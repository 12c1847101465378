"""What clients see of taxes and fees."""

from typing import ClassVar

from guildbank.infra.http import Money, View, write_money
from guildbank.plugin_api import Charge


class ChargeView(View):
    """A tax or fee of a payment, fixed before the player paid.

    One that is `included` is a part of the price, any other is added to it. `rate` is in percent,
    `of` the price or the fees before it; without a rate only the amount is known. `step` is that of
    the pipeline which charged it.
    """

    __example__: ClassVar = {
        "kind": "tax",
        "label": "VAT 19 %",
        "amount": {"amount": "0.80", "currency": "EUR"},
        "included": True,
        "rate": "19",
        "of": "price",
        "step": "vat",
    }

    kind: str
    label: str
    amount: Money
    included: bool
    rate: str | None
    of: str
    step: str


def charge_view(charge: Charge, money: str) -> ChargeView:
    """Return a tax or fee."""
    return ChargeView(
        kind=charge.kind,
        label=charge.label,
        amount=write_money(charge.amount_minor, money),
        included=charge.included,
        rate=charge.rate,
        of=charge.of,
        step=charge.step,
    )
