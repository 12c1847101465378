"""Routes by which players, game servers and operators see and remove saved payment methods."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import delete, get
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import Service, View, Who, granted, machine_or_self
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.list_methods import ShownMethod, list_methods
from guildbank.payments.usecases.remove_method import remove_method

Parts = Service[Payments]
READ, REMOVE = "payment-methods:read", "payment-methods:remove"
TAGS: Sequence[str] = ["Payment methods"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
MethodId = Annotated[str, PathParameter(description="The saved method's id.", max_length=90)]
SavedMethodId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=90,
        description="The saved method that pays. It has its own provider: leave that out.",
        examples=["pmt_01kag3pyqmf9aag12vtrsy70ps"],
    ),
]
SaveMethod = Annotated[
    bool,
    Meta(
        description="The player agrees that the provider keeps the method which pays, so that it "
        "can pay again. Ask the player before you say so.",
    ),
]


class ConsentGivenView(View):
    """Who agreed that the method is kept, when, and with which payment."""

    __example__: ClassVar = {
        "by": "player_01kag3pyqmf9aag12vtrsy70ps",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
    }

    by: str
    at: datetime
    payment_id: str


class PaymentMethodView(View):
    """A method that a provider keeps: its brand, last four digits and end, never its number.

    `problem` is the code with which a purchase by it would be refused now: it has expired, or was
    saved with another account of the provider's.
    """

    __example__: ClassVar = {
        "id": "pmt_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "stripe",
        "kind": "card",
        "brand": "visa",
        "lastFour": "4242",
        "expiresYear": 2030,
        "expiresMonth": 12,
        "problem": None,
    }

    id: str
    provider: str
    kind: str
    brand: str | None
    last_four: str | None
    expires_year: int | None
    expires_month: int | None
    problem: str | None
    saved_at: datetime
    consent: ConsentGivenView


class PaymentMethodsView(View):
    """A player's saved methods, the oldest first; there are ten at most."""

    items: Sequence[PaymentMethodView]


@get(
    "/v1/players/{player_id:str}/payment-methods",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="List a player's saved payment methods",
)
async def list_all(payments: Parts, caller: Who, player_id: PlayerId) -> PaymentMethodsView:
    """List the methods by which the player can pay again, by `methodId` of a purchase."""
    found = granted(await list_methods(payments, caller.home, player_id))
    return PaymentMethodsView([_view(one) for one in found])


@delete(
    "/v1/players/{player_id:str}/payment-methods/{method_id:str}",
    guards=[machine_or_self(REMOVE)],
    tags=TAGS,
    status_code=204,
    summary="Remove a saved payment method",
)
async def remove(payments: Parts, caller: Who, player_id: PlayerId, method_id: MethodId) -> None:
    """Remove a method: nothing is charged to it any more. Safe to repeat.

    The provider lets go of it afterwards, and is asked again until it has.
    """
    refusal = await remove_method(payments, caller.home, caller.principal, player_id, method_id)
    if refusal is not None:
        granted(refusal)


def _view(one: ShownMethod) -> PaymentMethodView:
    method, known = one.method, one.known
    return PaymentMethodView(
        id=method.id,
        provider=method.provider,
        kind=known.kind,
        brand=known.brand,
        last_four=known.last_four,
        expires_year=known.expires_year,
        expires_month=known.expires_month,
        problem=one.problem,
        saved_at=method.created_at,
        consent=ConsentGivenView(
            by=method.consented_by, at=method.consented_at, payment_id=method.payment_id
        ),
    )


ROUTES = (list_all, remove)
