"""Routes by which players and game servers buy."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Amount,
    Body,
    Caller,
    CountryCode,
    IdempotencyKey,
    JSONBody,
    Limit,
    Page,
    Service,
    Who,
    client_address,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    problem,
    read_address,
    read_country,
)
from guildbank.infra.http.schema import CurrencyText
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.rows import Dossier, IntentState
from guildbank.payments.contracts.sale import Purchase
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payment_methods import SavedMethodId, SaveMethod
from guildbank.payments.http.views import (
    PaymentLine,
    PaymentView,
    payment_line,
    payment_view,
    status_of,
)
from guildbank.payments.store import PaymentFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.attempt import Asked
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.payments.usecases.choose_method import MethodWish
from guildbank.payments.usecases.create import create_payment
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.payments.usecases.read import get_payment, list_payments, read_payment
from guildbank.payments.usecases.retry import retry_payment
from guildbank.plugin_api import Payer

Parts = Service[Payments]
WebRequest = Request[Any, Any, Any]
READ, WRITE = "payments:read", "payments:write"
TAGS: Sequence[str] = ["Payments"]
PaymentId = Annotated[str, PathParameter(description="The payment's id.", max_length=90)]
ProviderName = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9_-]+$(?!\n)", examples=["sandbox"])
]
MethodName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[!-~]+$(?!\n)",
        description="The provider's own name of a payment method; left out, its default.",
        examples=["checkout"],
    ),
]
ReturnUrl = Annotated[
    str,
    Meta(
        max_length=1000,
        pattern=r"^https?://[^\s\x00-\x1f]+$(?!\n)",
        description="Where the provider sends the player back to.",
        examples=["https://game.example/return"],
    ),
]
PlatformName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=r"^[a-z0-9][a-z0-9_-]*$(?!\n)",
        description="Where the player buys, in the game's own word; routes and checks may ask.",
        examples=["web"],
    ),
]
PriceCountry = Annotated[
    CountryCode,
    Meta(description="Whose price is paid, named by a machine. A player's is in its token."),
]
DeviceToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$(?!\n)",
        description="What the client made up once to know its device again, such as a UUID that it "
        "keeps. Only a keyed hash of it is stored, so that checks see who shares a device.",
        examples=["6f1c2d0e-8a43-4c8e-9b57-0d2f1b7f3c11"],
    ),
]
BuyerAddress = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=45,
        description="The network address of the buyer's client, named by a machine. That of a "
        "player's own client is where its request comes from.",
        examples=["203.0.113.7"],
    ),
]
_LATER = {202: ResponseSpec(PaymentView, description="The provider has not said yet.")}


class PayerBody(Body):
    """Who pays, for providers that have to know; named by a machine.

    `id` is the buyer's account with the provider, such as a Steam ID. Without a payer it is the
    account by which the player signs in.
    """

    __example__: ClassVar = {"id": "76561197972751825"}

    id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[!-~]+$(?!\n)")]


class BuyBody(Body):
    """What to buy. A player's own token buys for that player; a machine names `playerId`.

    Without a `provider` the routes of the pipeline choose it.
    """

    __example__: ClassVar = {"methodId": None, "saveMethod": False}

    pack_id: Annotated[str, Meta(min_length=1, max_length=90)]
    currency: CurrencyText
    provider: ProviderName | None = None
    player_id: Annotated[str, Meta(min_length=1, max_length=90)] | None = None
    coins: Amount | None = None
    country: PriceCountry | None = None
    method: MethodName | None = None
    method_id: SavedMethodId | None = None
    save_method: SaveMethod = False
    return_url: ReturnUrl | None = None
    platform: PlatformName | None = None
    payer: PayerBody | None = None
    device: DeviceToken | None = None
    address: BuyerAddress | None = None


class RetryBody(Body):
    """Another attempt, with another method or provider."""

    __example__: ClassVar = {"methodId": None, "saveMethod": False}

    provider: ProviderName | None = None
    method: MethodName | None = None
    method_id: SavedMethodId | None = None
    save_method: SaveMethod = False
    return_url: ReturnUrl | None = None
    payer: PayerBody | None = None
    device: DeviceToken | None = None
    address: BuyerAddress | None = None


@post(
    "/v1/payments",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Buy a pack",
    responses=_LATER,
)
async def create(
    request: WebRequest,
    payments: Parts,
    caller: Who,
    idempotency_key: IdempotencyKey,
    data: JSONBody[BuyBody],
) -> Response[PaymentView]:
    """Begin a payment. Follow `nextAction`, then read the payment until it is credited.

    The same key answers with the same payment as it stands by then. 202 means that the provider
    has not said how it stands: read the payment again, and never buy again under a new key.
    """
    purchase = purchase_of(caller, data)
    address = address_of(request, caller, data.address)
    whence = await find_whence(payments, caller.home, address, data.device)
    with kept_call(payments, caller, "/v1/payments", None, data) as call:
        bought = granted(
            await create_payment(
                payments, caller.home, caller.principal, idempotency_key, purchase, whence=whence
            )
        )
        view, status = _shown(caller, bought.dossier), status_of(bought.dossier)
        call.subject = Subject(bought.intent.id)
        call.answered(view, status)
    return Response(view, status_code=status)


def purchase_of(caller: Caller, data: BuyBody) -> Purchase:
    """Return what is to be bought, for whom, as far as the caller may say."""
    return Purchase(
        player_id=_buyer(caller, data.player_id),
        product_id=data.pack_id,
        coins=data.coins,
        money=data.currency,
        country=_country(caller, granted(read_country(data.country))),
        provider=data.provider,
        method=data.method,
        return_url=data.return_url,
        platform=data.platform,
        payer=_payer(caller, data.payer),
        method_id=data.method_id,
        save_method=data.save_method,
    )


def _buyer(caller: Caller, named: str | None) -> str:
    if caller.player_id is not None:
        if named not in (None, caller.player_id):
            raise problem("not_found", "There is no such player.", "playerId")
        return caller.player_id
    if named is None:
        raise problem("missing_field", "A machine names the player.", "playerId")
    return named


def _payer(caller: Caller, named: PayerBody | None) -> Payer | None:
    """Return who pays as a machine names it: a player could send others Steam's question to pay."""
    if named is None:
        return None
    if caller.player_id is not None:
        detail = "Who pays is the account you signed in with; leave it out."
        raise problem("forbidden", detail, "payer")
    return Payer(subject=named.id)


def _country(caller: Caller, named: str | None) -> str | None:
    """Return the country whose price is paid: a player who names one would name the cheapest."""
    if caller.player_id is None:
        return named
    if named not in (None, caller.country):
        detail = "A player's country is the one in its token; the game server puts it there."
        raise problem("country_not_allowed", detail, "country")
    return caller.country


def address_of(
    request: Request[Any, Any, Any], caller: Caller, named: str | None = None
) -> str | None:
    """Return the buyer's address: a player's is where the request comes from, whatever it says."""
    if caller.player_id is not None:
        if named is not None:
            detail = "A player's address is where its request comes from. Leave it out."
            raise problem("buyer_address_not_allowed", detail, "address")
        ip = client_address(request).ip
        return None if ip is None else str(ip)
    if named is None:
        return None
    ip = read_address(named).ip
    if ip is None:
        raise problem("bad_buyer_address", "It is no address of IPv4 or IPv6.", "address")
    return str(ip)


@get("/v1/payments", guards=[machine_or_self(READ)], tags=TAGS, summary="List payments")
async def list_all(
    payments: Parts,
    caller: Who,
    player_id: Annotated[
        str | None, QueryParameter(name="playerId", max_length=90, description="Of one player.")
    ] = None,
    provider: Annotated[
        str | None, QueryParameter(name="provider", max_length=64, description="At one provider.")
    ] = None,
    in_state: Annotated[
        IntentState | None, QueryParameter(name="state", description="In one state.")
    ] = None,
    reference: Annotated[
        str | None,
        QueryParameter(
            name="reference",
            max_length=255,
            description="Whose attempt `provider` knows by this name.",
        ),
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[PaymentLine]:
    """List payments, newest first. A player's token lists its own.

    Those that wait for a bank transfer are `provider=bank_transfer` and `state=requires_action`.
    """
    position = decode_cursor(after, [str])
    owner = player_id if caller.player_id is None else _buyer(caller, player_id)
    before = str(position[0]) if position else None
    wanted = PaymentFilter(owner, provider, in_state, reference)
    found = await list_payments(payments, caller.home, wanted, before, limit + 1)
    page = found[:limit]
    more = encode_cursor([page[-1].id]) if len(found) > limit else None
    return Page([payment_line(one) for one in page], more)


@get(
    "/v1/payments/{payment_id:str}",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a payment",
)
async def read(payments: Parts, caller: Who, payment_id: PaymentId) -> PaymentView:
    """Return a payment. One that waits for its provider is looked at again, so poll here."""
    return _shown(caller, await _own(payments, caller, payment_id))


@post(
    "/v1/payments/{payment_id:str}/cancel",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Cancel a payment",
    status_code=200,
)
async def cancel(payments: Parts, caller: Who, payment_id: PaymentId) -> PaymentView:
    """Cancel a payment that took no money, once its provider confirms. Safe to repeat."""
    await _own(payments, caller, payment_id)
    with kept_call(
        payments, caller, f"/v1/payments/{payment_id}/cancel", Subject(payment_id)
    ) as call:
        granted(await cancel_payment(payments, caller.home, caller.principal, payment_id))
        view = await _view(payments, caller, payment_id)
        call.answered(view)
    return view


@post(
    "/v1/payments/{payment_id:str}/attempts",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Try a payment again",
    responses=_LATER,
)
async def retry(
    request: WebRequest,
    payments: Parts,
    caller: Who,
    payment_id: PaymentId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RetryBody],
) -> Response[PaymentView]:
    """Make another attempt at a payment in the state `requires_payment_method`."""
    await _own(payments, caller, payment_id)
    address = address_of(request, caller, data.address)
    whence = await find_whence(payments, caller.home, address, data.device)
    asked = Asked(caller.principal, idempotency_key, whence)
    payer = msgspec.structs.replace(_payer(caller, data.payer) or Payer(), address=address)
    path = f"/v1/payments/{payment_id}/attempts"
    with kept_call(payments, caller, path, Subject(payment_id), data) as call:
        granted(
            await retry_payment(
                payments, caller.home, payment_id, data.provider, data.method, data.return_url,
                asked, payer, MethodWish(data.method_id, data.save_method),
            )
        )  # fmt: skip
        dossier = await read_payment(payments, caller.home, payment_id)
        if dossier is None:
            raise problem("not_found", "There is no such payment.")
        view, status = _shown(caller, dossier), status_of(dossier)
        call.answered(view, status)
    return Response(view, status_code=status)


async def _own(payments: Payments, caller: Caller, payment_id: str) -> Dossier:
    found = await get_payment(payments, caller.home, payment_id, player_id=caller.player_id)
    return granted(found)


async def _view(payments: Payments, caller: Caller, payment_id: str) -> PaymentView:
    dossier = await read_payment(payments, caller.home, payment_id)
    if dossier is None:
        raise problem("not_found", "There is no such payment.")
    return _shown(caller, dossier)


def _shown(caller: Caller, dossier: Dossier) -> PaymentView:
    return payment_view(dossier, to_player=caller.player_id is not None)


ROUTES = (create, list_all, read, cancel, retry)
