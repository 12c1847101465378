"""The route by which somebody decides on what a player asked back."""

from typing import ClassVar, Literal

from litestar import Response, post

from guildbank.approvals import WAITS, waiting
from guildbank.infra.http import (
    Body,
    Caller,
    IdempotencyKey,
    JSONBody,
    Money,
    Reason,
    Service,
    Who,
    by_operator,
    granted,
    problem,
    read_money,
)
from guildbank.journal import Receipt
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.requests import GrantCommand, RejectCommand
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.refund_requests import (
    TAGS,
    RefundRequestView,
    RequestId,
    request_view,
)
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.decide_request import DECIDE, grant_request, reject_request

Parts = Service[Payments]


class RefundDecisionBody(Body):
    """Yes or no. A `grant` is for the `amount`, or for all that was asked for.

    A `reject` has an `answer`, a sentence that the player reads. The `reason` is for the record.
    """

    __example__: ClassVar = {
        "decision": "grant",
        "amount": {"amount": "2.00", "currency": "EUR"},
        "reason": "once is a mistake",
        "answer": None,
    }

    decision: Literal["grant", "reject"]
    reason: Reason
    amount: Money | None = None
    answer: Reason | None = None


@post(
    "/v1/refund-requests/{request_id:str}/decision",
    guards=[by_operator(DECIDE)],
    tags=TAGS,
    summary="Decide on a refund request",
    responses=WAITS,
    status_code=200,
)
async def decide(
    payments: Parts,
    caller: Who,
    request_id: RequestId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RefundDecisionBody],
) -> Response[RefundRequestView]:
    """Grant a request, whole or in part, or reject it. The same key answers the same.

    A grant begins the refund in its own commit, as POST /v1/payments/{id}/refunds does: whoever
    decides at the same time, and by whichever of both, there is one refund. Above the amounts of
    the approval policy's rules for `payments.refund` it waits for a second person.
    """
    path = f"/v1/refund-requests/{request_id}/decision"
    with kept_call(payments, caller, path, None, data) as call:
        answer = await _decided(payments, caller, request_id, idempotency_key, data)
        view = answer.content
        if isinstance(view, RefundRequestView):
            call.subject = Subject(view.payment_id)
            call.answered(view)
    return answer


async def _decided(
    payments: Payments, caller: Caller, request_id: str, key: str, data: RefundDecisionBody
) -> Response[RefundRequestView]:
    if data.decision == "reject":
        if data.answer is None:
            raise problem("missing_field", "The player reads why not: say it.", "answer")
        if data.amount is not None:
            raise problem("invalid_value", "What is rejected has no amount.", "amount")
        no = RejectCommand(request_id=request_id, answer=data.answer, note=data.reason)
        said = await reject_request(payments, caller.home, caller.principal, key, no)
        return Response(request_view(granted(said), caller), status_code=200)
    if data.answer is not None:
        raise problem("invalid_value", "A player is told of a grant by its refund.", "answer")
    money = None if data.amount is None else granted(read_money(data.amount, "amount"))
    yes = GrantCommand(
        request_id=request_id,
        amount_minor=None if money is None else money.amount_minor,
        money=None if money is None else money.currency,
        note=data.reason,
    )
    made = await grant_request(payments, caller.home, caller.principal, key, yes)
    if isinstance(made, Receipt):
        waits = await waiting(payments.four_eyes, caller.home, made)
        assert waits is not None, "a stored command leads to its approval"
        return waits
    return Response(request_view(granted(made), caller), status_code=200)


ROUTES = (decide,)
