"""Routes by which game servers give money back."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import (
    Body,
    IdempotencyKey,
    JSONBody,
    Money,
    Page,
    Reason,
    Service,
    Who,
    granted,
    read_money,
    scope,
)
from guildbank.payments.contracts import RefundCommand
from guildbank.payments.http.views import RefundView, refund_view
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.read import get_payment, get_refund
from guildbank.payments.usecases.refund import refund_payment

Parts = Service[Payments]
READ, REFUND = "payments:read", "payments:refund"
TAGS: Sequence[str] = ["Refunds"]
PaymentId = Annotated[str, PathParameter(description="The payment's id.", max_length=90)]
RefundId = Annotated[str, PathParameter(description="The refund's id.", max_length=90)]
AttemptId = Annotated[
    str, Meta(min_length=1, max_length=90, examples=["att_01kag3pyqmf9aag12vtrsy70ps"])
]


class RefundBody(Body):
    """How much to give back; without an amount, all that is left.

    `attemptId` is for a payment that was captured more than once: it names whose money goes back.
    """

    __example__: ClassVar = {
        "amount": {"amount": "2.00", "currency": "EUR"},
        "reason": "bought too many",
        "attemptId": None,
    }

    amount: Money | None = None
    reason: Reason | None = None
    attempt_id: AttemptId | None = None


@post(
    "/v1/payments/{payment_id:str}/refunds",
    guards=[scope(REFUND)],
    tags=TAGS,
    summary="Refund a payment",
)
async def create(
    payments: Parts,
    caller: Who,
    payment_id: PaymentId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RefundBody],
) -> RefundView:
    """Take coins back and give their money back. The same key answers with the same refund.

    The coins come from the unspent part of this purchase. For spent ones the tenant's policy
    decides: the refund is refused, or the player owes them. Money that bought nothing goes back by
    itself; where that failed, name its attempt.
    """
    money = None if data.amount is None else granted(read_money(data.amount, "amount"))
    command = RefundCommand(
        payment_id=payment_id,
        amount_minor=None if money is None else money.amount_minor,
        money=None if money is None else money.currency,
        reason=data.reason,
        attempt_id=data.attempt_id,
    )
    made = await refund_payment(payments, caller.home, caller.principal, idempotency_key, command)
    return refund_view(granted(made))


@get(
    "/v1/payments/{payment_id:str}/refunds",
    guards=[scope(READ)],
    tags=TAGS,
    summary="List a payment's refunds",
)
async def list_all(payments: Parts, caller: Who, payment_id: PaymentId) -> Page[RefundView]:
    """List the refunds of a payment, oldest first."""
    dossier = granted(await get_payment(payments, caller.home, payment_id))
    return Page([refund_view(refund) for refund in dossier.refunds], None)


@get("/v1/refunds/{refund_id:str}", guards=[scope(READ)], tags=TAGS, summary="Read a refund")
async def read(payments: Parts, caller: Who, refund_id: RefundId) -> RefundView:
    """Return a refund."""
    return refund_view(granted(await get_refund(payments, caller.home, refund_id)))


ROUTES = (create, list_all, read)
