"""Routes by which game servers give money back."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, Measured, waiting
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
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt
from guildbank.kernel import Refusal
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.views import RefundView, refund_view
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.read import get_payment, get_refund
from guildbank.payments.usecases.refund import (
    BeginRefund,
    StoredRefund,
    finish,
    refund_act,
    refund_payment,
)

Parts = Service[Payments]
READ, REFUND = "payments:read", "payments:refund"
TAGS: Sequence[str] = ["Refunds"]
PaymentId = Annotated[str, PathParameter(description="The payment's id.", max_length=90)]
RefundId = Annotated[str, PathParameter(description="The refund's id.", max_length=90)]
AttemptId = Annotated[
    str, Meta(min_length=1, max_length=90, examples=["att_01kag3pyqmf9aag12vtrsy70ps"])
]


class RefundFacts(msgspec.Struct):
    """What is read of the entry of a refund."""

    refund: str
    payment: str
    player: str
    money: str
    amount: int


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
    responses=WAITS,
)
async def create(
    payments: Parts,
    caller: Who,
    payment_id: PaymentId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RefundBody],
) -> Response[RefundView]:
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
    path = f"/v1/payments/{payment_id}/refunds"
    with kept_call(payments, caller, path, Subject(payment_id), data) as call:
        made = await refund_payment(
            payments, caller.home, caller.principal, idempotency_key, command
        )
        if isinstance(made, Receipt):
            waits = await waiting(payments.four_eyes, caller.home, made)
            assert waits is not None, "a refund that was begun is answered with itself"
            call.status = waits.status_code
            return waits
        view = refund_view(granted(made))
        call.answered(view, 201)
    return Response(view)


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


_FACTS = msgspec.json.Decoder(RefundFacts)


async def _act(
    services: Any, tenant: TenantRef | None, by: str, stored: StoredRefund
) -> Act | Refusal:
    assert tenant is not None, "the deployment takes no payments"
    return await refund_act(services.payments, tenant, by, None, stored)


async def _after(services: Any, tenant: TenantRef, receipt: Receipt) -> None:
    await finish(services.payments, tenant, receipt)


def _measure(data: bytes) -> Measured:
    facts = _FACTS.decode(data)
    return Measured(facts.player, {facts.money: facts.amount})


def _show(stored: StoredRefund) -> Mapping[str, Any]:
    one = stored.command
    return {
        "paymentId": one.payment_id,
        "attemptId": one.attempt_id,
        "amountMinor": one.amount_minor,
        "currency": one.money,
    }


def _answer(receipt: Receipt) -> Mapping[str, str]:
    facts = _FACTS.decode(receipt.data)
    return {"id": facts.refund, "paymentId": facts.payment}


REFUNDING = Approvable(
    verb=BeginRefund.verb,
    permission=REFUND,
    meaning="Give money of a payment back, and take its coins.",
    command=StoredRefund,
    show=_show,
    act=_act,
    measure=_measure,
    after=_after,
    answer=_answer,
    sealed=lambda stored: stored.reason,
)
ROUTES = (create, list_all, read)
