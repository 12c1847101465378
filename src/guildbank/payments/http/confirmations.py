"""Routes by which buyers and operators confirm what no provider can tell."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, Measured, is_waiting, waiting
from guildbank.infra.http import (
    Body,
    Caller,
    IdempotencyKey,
    JSONBody,
    Service,
    View,
    Who,
    by_operator,
    granted,
    machine_or_self,
    problem,
    scope,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt
from guildbank.kernel import Refusal
from guildbank.payments.archive import Subject
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payments import PaymentId
from guildbank.payments.http.refunds import AttemptId, RefundId
from guildbank.payments.http.views import PaymentView, RefundView, payment_view, refund_view
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.confirm import (
    ConfirmCommand,
    Confirming,
    ConfirmPayment,
    confirm_payment,
    confirming,
)
from guildbank.payments.usecases.confirm_refund import RefundConfirmation, confirm_refund
from guildbank.payments.usecases.hand_in import read_handed_in
from guildbank.payments.usecases.read import get_payment, get_refund, read_payment
from guildbank.payments.usecases.settle import UNAPPLIED_KINDS, return_unapplied

Parts = Service[Payments]
CONFIRM = "payments:confirm"
READ_HANDED_IN = "handed-in:read"
TAGS: Sequence[str] = ["Confirmations"]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$(?!\n)")]
Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Data = Annotated[dict[Name, Word], Meta(max_length=20)]
Signed = Annotated[str, Meta(min_length=1, max_length=16_000, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Proofs = Annotated[dict[Name, Signed], Meta(max_length=20)]
_SENT = {"amount": "4.99", "currency": "EUR", "transaction": "2026-11-27/4711"}


class ConfirmationBody(Body):
    """What confirms the payment, under the names that its provider documents.

    A word has at most 200 characters, but for stores, which sign what is long. `attemptId` is an
    operator's: it names an earlier attempt, whose money came after all.
    """

    __example__: ClassVar = {"data": _SENT, "attemptId": None}

    data: Proofs
    attempt_id: AttemptId | None = None


class RefundConfirmationBody(Body):
    """What confirms the refund, under the names that its provider documents."""

    __example__: ClassVar = {"data": {"transaction": "2026-11-28/17"}}

    data: Data


class HandedInView(View):
    """What a buyer handed in, under the names that the provider documents."""

    __example__: ClassVar = {
        "attemptId": "att_01kb2m5b8te5p8r5vzyhd3fbh9",
        "handedInAt": "2026-11-27T10:00:00Z",
        "data": {"code": "4711-0815-1234"},
    }

    attempt_id: str
    handed_in_at: datetime
    data: Mapping[str, str]


class ConfirmedFacts(msgspec.Struct):
    """What is read of the entry of a confirmed payment."""

    payment: str
    attempt: str
    player: str
    money: str
    amount: int


@post(
    "/v1/payments/{payment_id:str}/confirmation",
    guards=[machine_or_self(CONFIRM)],
    tags=TAGS,
    summary="Confirm a payment",
    responses=WAITS,
    status_code=200,
)
async def confirm(
    payments: Parts,
    caller: Who,
    payment_id: PaymentId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ConfirmationBody],
) -> Response[PaymentView]:
    """Confirm a payment that waits: with a code as its buyer, or that money came as an operator.

    Whose word counts, and in which data, is the provider's. What came is booked: coins for the
    amount and currency that were asked for, else the payment is `conflicted` and a refund begins.
    Where the provider leaves it to an operator, what a buyer gives is kept for one. An operator's
    confirmation can wait for a second person.
    """
    if caller.player_id is not None:
        granted(await get_payment(payments, caller.home, payment_id, player_id=caller.player_id))
    command = ConfirmCommand(
        payment_id=payment_id, attempt_id=_attempt_of(caller, data), data=data.data
    )
    path = f"/v1/payments/{payment_id}/confirmation"
    with kept_call(payments, caller, path, Subject(payment_id), data) as call:
        done = await confirm_payment(payments, caller.home, _who(caller), idempotency_key, command)
        if isinstance(done, Refusal):
            granted(done)
        if isinstance(done, Receipt) and is_waiting(done):
            waits = await waiting(payments.four_eyes, caller.home, done)
            assert waits is not None, "a stored command leads to its approval"
            call.status = waits.status_code
            return waits
        dossier = await read_payment(payments, caller.home, payment_id)
        if dossier is None:
            raise problem("not_found", "There is no such payment.")
        view = payment_view(dossier, to_player=caller.player_id is not None)
        call.answered(view)
    return Response(view, status_code=200)


@get(
    "/v1/payments/{payment_id:str}/confirmation",
    guards=[by_operator(READ_HANDED_IN)],
    tags=TAGS,
    summary="Read what a buyer handed in",
)
async def handed_in(payments: Parts, caller: Who, payment_id: PaymentId) -> HandedInView:
    """Read what a buyer handed in for a payment that waits for you to look at it.

    Such are the codes of vouchers that somebody else issued. That you read it is recorded, and it
    is there until the payment is confirmed or rejected.
    """
    shown = granted(await read_handed_in(payments, caller.home, caller.principal, payment_id))
    return HandedInView(attempt_id=shown.attempt_id, handed_in_at=shown.at, data=shown.data)


def _who(caller: Caller) -> Confirming:
    """Return who confirms; a machine speaks for buyers, never for operators."""
    return Confirming(caller.principal, "operator" if caller.kind == "operator" else "buyer")


def _attempt_of(caller: Caller, data: ConfirmationBody) -> str | None:
    if data.attempt_id is not None and caller.kind != "operator":
        raise problem("forbidden", "Operators name an attempt; leave it out.", "attemptId")
    return data.attempt_id


@post(
    "/v1/refunds/{refund_id:str}/confirmation",
    guards=[scope(CONFIRM)],
    tags=TAGS,
    summary="Confirm a refund",
    status_code=200,
)
async def confirm_sent(
    payments: Parts,
    caller: Who,
    refund_id: RefundId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RefundConfirmationBody],
) -> RefundView:
    """Say as an operator that the money of a `pending` refund was sent, or will not be."""
    said = RefundConfirmation(refund_id, data.data)
    known = await get_refund(payments, caller.home, refund_id)
    about = None if isinstance(known, Refusal) else Subject(known.payment_id)
    path = f"/v1/refunds/{refund_id}/confirmation"
    with kept_call(payments, caller, path, about, data) as call:
        done = await confirm_refund(payments, caller.home, _who(caller), idempotency_key, said)
        view = refund_view(granted(done))
        call.answered(view)
    return view


_FACTS = msgspec.json.Decoder(ConfirmedFacts)


async def _act(
    services: Any, tenant: TenantRef | None, by: str, stored: ConfirmCommand
) -> Act | Refusal:
    assert tenant is not None, "the deployment takes no payments"
    return await confirming(services.payments, tenant, by, stored)


async def _after(services: Any, tenant: TenantRef, receipt: Receipt) -> None:
    if receipt.kind in UNAPPLIED_KINDS:
        await return_unapplied(services.payments, tenant, _FACTS.decode(receipt.data).attempt)


def _measure(data: bytes) -> Measured:
    facts = _FACTS.decode(data)
    return Measured(facts.player, {facts.money: facts.amount})


def _show(stored: ConfirmCommand) -> Mapping[str, Any]:
    return {
        "paymentId": stored.payment_id,
        "attemptId": stored.attempt_id,
        "data": dict(stored.data),
    }


def _answer(receipt: Receipt) -> Mapping[str, str]:
    return {"id": _FACTS.decode(receipt.data).payment}


CONFIRMING = Approvable(
    verb=ConfirmPayment.verb,
    permission=CONFIRM,
    meaning="Confirm that money of a payment came, which credits its coins.",
    command=ConfirmCommand,
    show=_show,
    act=_act,
    measure=_measure,
    after=_after,
    answer=_answer,
)
ROUTES = (confirm, handed_in, confirm_sent)
