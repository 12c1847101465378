"""The route that says what a purchase would cost in all, before anybody pays."""

from collections.abc import Sequence
from typing import ClassVar

from litestar import post

from guildbank.infra.http import JSONBody, Money, View, Who, granted, machine_or_self, write_money
from guildbank.payments.http.charge_views import ChargeView, charge_view
from guildbank.payments.http.payments import (
    TAGS,
    WRITE,
    BuyBody,
    Parts,
    WebRequest,
    address_of,
    purchase_of,
)
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.payments.usecases.quote import quote_payment


class QuoteView(View):
    """What a purchase would cost: `amount` in all, that is the `price` and what `charges` add."""

    __example__: ClassVar = {
        "packId": "pack_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "sandbox",
        "price": {"amount": "4.99", "currency": "EUR"},
        "amount": {"amount": "4.99", "currency": "EUR"},
        "currency": "GEM",
        "coins": 100,
        "bonusCoins": 10,
    }

    pack_id: str
    provider: str
    price: Money
    amount: Money
    charges: Sequence[ChargeView]
    currency: str
    coins: int
    bonus_coins: int


@post(
    "/v1/payments/quote",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Ask what a purchase would cost",
)
async def quote(
    request: WebRequest, payments: Parts, caller: Who, data: JSONBody[BuyBody]
) -> QuoteView:
    """Say the price, the taxes and fees, and the total of a purchase. Nothing is kept or reserved.

    What is asked of the player is fixed when the payment is made. Checks before the provider are
    not asked, and may refuse what is quoted.
    """
    purchase = purchase_of(caller, data)
    address = address_of(request, caller, data.address)
    whence = await find_whence(payments, caller.home, address, data.device)
    told = granted(await quote_payment(payments, caller.home, caller.principal, purchase, whence))
    return QuoteView(
        pack_id=told.quote.product_id,
        provider=told.provider,
        price=write_money(told.price_minor, told.quote.money),
        amount=write_money(told.quote.amount_minor, told.quote.money),
        charges=[charge_view(one, told.quote.money) for one in told.charges],
        currency=told.quote.currency,
        coins=told.quote.coins,
        bonus_coins=told.quote.bonus,
    )


ROUTES = (quote,)
