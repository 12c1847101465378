"""Routes by which players buy coins by their number; each stands at the root and under /v1."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from guildbank.infra.http import (
    Amount,
    Body,
    Caller,
    JSONBody,
    OptionalIdempotencyKey,
    Service,
    View,
    Who,
    a_player,
    granted,
    problem,
    problem_for,
)
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.ledger import read_balances
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.rows import Dossier, IntentState
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payment_methods import SaveMethod
from guildbank.payments.http.payments import DeviceToken, ReturnUrl, address_of
from guildbank.payments.http.views import NextActionView, PaymentView, payment_view
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.buy_coins import Wish, buy_coins
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.wallets import default_currency

Parts = Service[Payments]
TAGS: Sequence[str] = ["Wallet of the player"]
PaymentMethod = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=165,
        pattern=r"^[a-z0-9_-]{1,64}(:[!-~]{1,100})?$(?!\n)",
        description="A provider, with its own name of a method after a colon where one is wanted; "
        "or the id of a saved method.",
        examples=["sandbox:instant"],
    ),
]
CoinsCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9_]{1,15}$(?!\n)",
        description="The currency of the coins; left out, the tenant's default.",
        examples=["GEM"],
    ),
]
_FIELDS = {
    "provider": "paymentMethod",
    "methodId": "paymentMethod",
    "packId": "amount",
    "coins": "amount",
}
_REFUSED = {
    IntentState.REQUIRES_PAYMENT_METHOD,
    IntentState.FAILED,
    IntentState.CANCELED,
    IntentState.EXPIRED,
}


class BuyCurrencyBody(Body):
    """How many coins of the default currency, and how they are paid."""

    __example__: ClassVar = {"amount": 100}

    amount: Amount
    payment_method: PaymentMethod
    save_method: SaveMethod = False
    return_url: ReturnUrl | None = None
    device: DeviceToken | None = None


class WalletBuyBody(Body):
    """How many coins of a currency, and how they are paid."""

    __example__: ClassVar = {"amount": 100}

    amount: Amount
    payment_method: PaymentMethod
    save_method: SaveMethod = False
    currency: CoinsCode | None = None
    return_url: ReturnUrl | None = None
    device: DeviceToken | None = None


class BoughtView(View):
    """Coins that are bought, or a payment that waits for its player or its provider.

    With `nextAction` the player has something to do; afterwards the payment is read under
    `/v1/payments/{paymentId}`.
    """

    __example__: ClassVar = {
        "message": "Currency purchased successfully",
        "newBalance": 110,
        "nextAction": None,
    }

    message: str
    payment_id: str
    currency: str
    new_balance: int
    payment: PaymentView
    next_action: NextActionView | None = None


_LATER = {202: ResponseSpec(BoughtView, description="The payment waits for its next action.")}


@post(
    ["/account/buy-currency", "/v1/account/buy-currency"],
    guards=[a_player],
    tags=TAGS,
    status_code=200,
    summary="Buy coins of the default currency",
    responses=_LATER,
)
async def buy_currency(
    request: Request[Any, Any, Any],
    payments: Parts,
    caller: Who,
    data: JSONBody[BuyCurrencyBody],
    idempotency_key: OptionalIdempotencyKey = None,
) -> Response[BoughtView]:
    """Buy exactly so many coins, by the pack that holds them or by the unit price.

    202 means that the player has something to do, or that the provider has not said yet.
    """
    return await _buy(request, payments, caller, data, None, idempotency_key)


@post(
    ["/wallet/buy", "/v1/wallet/buy"],
    guards=[a_player],
    tags=TAGS,
    status_code=200,
    summary="Buy coins",
    responses=_LATER,
)
async def buy(
    request: Request[Any, Any, Any],
    payments: Parts,
    caller: Who,
    data: JSONBody[WalletBuyBody],
    idempotency_key: OptionalIdempotencyKey = None,
) -> Response[BoughtView]:
    """Buy exactly so many coins of a currency; otherwise as `/account/buy-currency`."""
    return await _buy(request, payments, caller, data, data.currency, idempotency_key)


async def _buy(
    request: Request[Any, Any, Any],
    payments: Payments,
    caller: Caller,
    data: BuyCurrencyBody | WalletBuyBody,
    currency: str | None,
    key: str | None,
) -> Response[BoughtView]:
    home = caller.home
    if currency is None:
        currency = granted(await default_currency(payments.db, payments.tenants, home)).code
    saved = parse_id("pmt", data.payment_method)
    provider, _, method = ("", "", "") if saved else data.payment_method.partition(":")
    wish = Wish(
        player_id=caller.principal,
        currency=currency,
        coins=data.amount,
        country=caller.country,
        provider=provider or None,
        method=method or None,
        return_url=data.return_url,
        method_id=saved,
        save_method=data.save_method,
    )
    whence = await find_whence(payments, home, address_of(request, caller), data.device)
    with kept_call(payments, caller, request.url.path, None, data) as call:
        found = await buy_coins(payments, home, key or new_id("key"), wish, whence)
        if isinstance(found, Refusal):
            # The caller has named the provider as a part of the method.
            field = _FIELDS.get(found.field or "", found.field)
            raise problem_for(msgspec.structs.replace(found, field=field))
        call.subject = Subject(found.intent.id)
        coins = granted(await read_balances(payments.db, home.schema, caller.principal))
        balance = sum(one.total for one in coins.currencies if one.currency == currency)
        view, status = _shown(found, currency, balance)
        call.answered(view, status)
    return Response(view, status_code=status)


def _shown(found: Dossier, currency: str, balance: int) -> tuple[BoughtView, int]:
    payment, state = payment_view(found, to_player=True), found.intent.state
    if state in _REFUSED:
        last = next((one.code for one in reversed(payment.attempts) if one.code), None)
        code = payment.problem or last
        raise problem(
            "payment_declined",
            f"The payment {payment.id} did not go through{f' ({code})' if code else ''}. Nothing "
            "was bought: try another payment method.",
            "paymentMethod",
        )
    done = state is IntentState.CREDITED
    view = BoughtView(
        message="Currency purchased successfully" if done else "The payment is not complete yet",
        payment_id=payment.id,
        currency=currency,
        new_balance=balance,
        payment=payment,
        next_action=payment.next_action,
    )
    return view, 200 if done else 202


ROUTES = (buy_currency, buy)
