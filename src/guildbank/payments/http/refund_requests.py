"""Routes by which players ask for their money back, and follow what becomes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import get, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Body,
    Caller,
    IdempotencyKey,
    JSONBody,
    Limit,
    Money,
    Page,
    Service,
    View,
    Who,
    a_player,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    problem,
    read_money,
    write_money,
)
from guildbank.infra.limits import RateLimit
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.requests import AskCommand, RequestReason, RequestState
from guildbank.payments.contracts.rows import RefundState
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payments import READ, PaymentId
from guildbank.payments.requests import RequestFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.ask_refund import ask_refund
from guildbank.payments.usecases.decide_request import withdraw_request
from guildbank.payments.usecases.read_requests import ShownRequest, get_request, list_requests

Parts = Service[Payments]
TAGS: Sequence[str] = ["Refund requests"]
ASKING = RateLimit("asking-for-refunds", 20, 86_400, exact=True)
RequestId = Annotated[str, PathParameter(description="The request's id.", max_length=90)]
# A text of several lines, unlike reasons: people write so.
Text = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$(?!\n)",
        description="What the player says, kept under a key of that person.",
        examples=["I meant to buy the small one."],
    ),
]


class AskBody(Body):
    """Why the money should come back; without an amount, all that is left of the payment."""

    __example__: ClassVar = {
        "reason": "by_mistake",
        "text": "I meant to buy the small one.",
        "amount": {"amount": "2.00", "currency": "EUR"},
    }

    reason: RequestReason
    text: Text | None = None
    amount: Money | None = None


class RefundRequestLine(View):
    """A request in a list. Without an `amount` it is for all that was left of the payment.

    `refundState` is that of the refund that it was granted: money may still be on its way.
    """

    __example__: ClassVar = {
        "id": "rrq_01kag3pyqmf9aag12vtrsy70ps",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "state": "granted",
        "reason": "by_mistake",
        "amount": {"amount": "2.00", "currency": "EUR"},
        "refundId": "ref_01kag3pyqmf9aag12vtrsy70ps",
        "refundState": "succeeded",
    }

    id: str
    payment_id: str
    player_id: str
    state: RequestState
    reason: RequestReason
    amount: Money | None
    refund_id: str | None
    refund_state: RefundState | None
    created_at: datetime
    decided_at: datetime | None


class RefundRequestView(RefundRequestLine):
    """A request with what was said: the player's `text`, and the `answer` to a rejected one.

    `decidedBy`, `note` and `because` (the rule that decided) are for the tenant's people alone.
    """

    __example__: ClassVar = {
        "text": "I meant to buy the small one.",
        "answer": None,
        "decidedBy": "op_01kag3pyqmf9aag12vtrsy70ps",
        "note": "once is a mistake",
        "because": None,
    }

    text: str | None
    answer: str | None
    decided_by: str | None = None
    note: str | None = None
    because: Mapping[str, Any] | None = None


@post(
    "/v1/payments/{payment_id:str}/refund-requests",
    opt={"limits": (ASKING,)},
    guards=[a_player],
    tags=TAGS,
    summary="Ask for a refund",
)
async def ask(
    payments: Parts,
    caller: Who,
    payment_id: PaymentId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[AskBody],
) -> RefundRequestView:
    """Ask for the money of one's own payment, or a part of it. Nothing moves yet.

    The studio's rules answer at once, or somebody decides. A payment has one open request. The
    same key answers with the same request.
    """
    money = None if data.amount is None else granted(read_money(data.amount, "amount"))
    command = AskCommand(
        payment_id=payment_id,
        reason=data.reason,
        amount_minor=None if money is None else money.amount_minor,
        money=None if money is None else money.currency,
        text=data.text,
    )
    path = f"/v1/payments/{payment_id}/refund-requests"
    with kept_call(payments, caller, path, Subject(payment_id), data) as call:
        asked = await ask_refund(payments, caller.home, caller.principal, idempotency_key, command)
        view = request_view(granted(asked), caller)
        call.answered(view, 201)
    return view


@get(
    "/v1/refund-requests",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="List refund requests",
)
async def list_all(
    payments: Parts,
    caller: Who,
    player_id: Annotated[
        str | None, QueryParameter(name="playerId", max_length=90, description="Of one player.")
    ] = None,
    in_state: Annotated[
        RequestState | None, QueryParameter(name="state", description="In one state.")
    ] = None,
    payment_id: Annotated[
        str | None, QueryParameter(name="paymentId", max_length=90, description="Of one payment.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[RefundRequestLine]:
    """List requests, newest first. A player's token lists its own."""
    if caller.player_id is not None and player_id not in (None, caller.player_id):
        raise problem("not_found", "There is no such player.", "playerId")
    wanted = RequestFilter(caller.player_id or player_id, in_state, payment_id)
    position = decode_cursor(after, [str])
    before = str(position[0]) if position else None
    found = await list_requests(payments, caller.home, wanted, before, limit + 1)
    more = encode_cursor([found[limit - 1].request.id]) if len(found) > limit else None
    return Page([RefundRequestLine(**_line(one)) for one in found[:limit]], more)


@get(
    "/v1/refund-requests/{request_id:str}",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a refund request",
)
async def read(payments: Parts, caller: Who, request_id: RequestId) -> RefundRequestView:
    """Return a request as it stands, to its player without who decided and why."""
    found = await get_request(payments, caller.home, request_id, player_id=caller.player_id)
    return request_view(granted(found), caller)


@post(
    "/v1/refund-requests/{request_id:str}/withdraw",
    guards=[a_player],
    tags=TAGS,
    summary="Withdraw a refund request",
    status_code=200,
)
async def withdraw(payments: Parts, caller: Who, request_id: RequestId) -> RefundRequestView:
    """Take one's own request back while nobody has decided. Safe to repeat."""
    done = await withdraw_request(payments, caller.home, caller.principal, request_id)
    return request_view(granted(done), caller)


def request_view(one: ShownRequest, caller: Caller) -> RefundRequestView:
    """Return a request as the caller may see it."""
    view = RefundRequestView(**_line(one), text=one.text, answer=one.words.answer)
    if caller.player_id is None:
        because = one.request.because
        view.decided_by = one.request.decided_by
        view.note = one.words.note if one.refund is None else one.refund.reason
        view.because = None if because is None else msgspec.json.decode(because)
    return view


def _line(one: ShownRequest) -> dict[str, Any]:
    request, amount = one.request, one.request.amount_minor
    return {
        "id": request.id,
        "payment_id": request.payment_id,
        "player_id": request.player_id,
        "state": request.state,
        "reason": request.reason,
        "amount": None if amount is None else write_money(amount, request.money),
        "refund_id": request.refund_id,
        "refund_state": None if one.refund is None else one.refund.state,
        "created_at": request.created_at,
        "decided_at": request.decided_at,
    }


ROUTES = (ask, list_all, read, withdraw)
