"""Routes by which the tenant's people decide on payouts and say what they saw of their money."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from litestar import Response, get, post

from guildbank.approvals import WAITS, Approvable, Measured, waiting
from guildbank.infra.http import (
    Body,
    IdempotencyKey,
    JSONBody,
    Reason,
    Service,
    View,
    Who,
    by_operator,
    granted,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt
from guildbank.payments.archive import Subject
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.confirmations import Data
from guildbank.payments.http.payout_terms import TAGS
from guildbank.payments.http.payouts import PayoutId, PayoutView, payout_view
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.confirm import CONFIRM, PayoutConfirmation, confirm_payout
from guildbank.payments.usecases.payouts.decide import (
    DECIDE,
    ApprovePayout,
    StoredApproval,
    approve_payout,
    reject_payout,
)
from guildbank.payments.usecases.payouts.destinations import see_destination
from guildbank.payments.usecases.payouts.request import finish

Parts = Service[Payments]


class ApprovalBody(Body):
    """Why the payout may go, for the record."""

    __example__: ClassVar = {"reason": "known player"}

    reason: Reason | None = None


class RejectionBody(Body):
    """Why not, for the record."""

    __example__: ClassVar = {"reason": "the coins were won by cheating"}

    reason: Reason


class PayoutConfirmationBody(Body):
    """What was seen of the payout's money, under the names that its provider documents."""

    __example__: ClassVar = {"data": {"transaction": "2026-11-28/17"}}

    data: Data


class FullDestinationView(View):
    """Where a payout goes, for whoever sends it by hand."""

    __example__: ClassVar = {
        "kind": "bank_account",
        "label": "DE.. .... 3000",
        "details": {"holder": "A. Nderson", "iban": "DE89370400440532013000"},
    }

    kind: str
    label: str
    details: Mapping[str, str]


@post(
    "/v1/payouts/{payout_id:str}/approval",
    guards=[by_operator(DECIDE)],
    tags=TAGS,
    summary="Approve a payout",
    responses=WAITS,
    status_code=200,
)
async def approve(
    payments: Parts,
    caller: Who,
    payout_id: PayoutId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ApprovalBody],
) -> Response[PayoutView]:
    """Agree to a payout that waits; it is sent at once. The same key answers the same.

    Above the amounts of the approval policy's rules for `payments.approve_payout` a second person
    has to agree as well.
    """
    path, about = f"/v1/payouts/{payout_id}/approval", Subject(about=payout_id)
    with kept_call(payments, caller, path, about) as call:
        made = await approve_payout(
            payments, caller.home, caller.principal, idempotency_key, payout_id, data.reason
        )
        if isinstance(made, Receipt):
            waits = await waiting(payments.four_eyes, caller.home, made)
            assert waits is not None, "a stored command leads to its approval"
            call.status = waits.status_code
            return waits
        view = await payout_view(payments, caller, granted(made))
        call.answered(view)
    return Response(view, status_code=200)


@post(
    "/v1/payouts/{payout_id:str}/rejection",
    guards=[by_operator(DECIDE)],
    tags=TAGS,
    summary="Reject a payout",
    status_code=200,
)
async def reject(
    payments: Parts,
    caller: Who,
    payout_id: PayoutId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[RejectionBody],
) -> PayoutView:
    """Say no to a payout that waits: its coins are back at once."""
    path, about = f"/v1/payouts/{payout_id}/rejection", Subject(about=payout_id)
    with kept_call(payments, caller, path, about) as call:
        done = await reject_payout(
            payments, caller.home, caller.principal, idempotency_key, payout_id, data.reason
        )
        view = await payout_view(payments, caller, granted(done))
        call.answered(view)
    return view


@get(
    "/v1/payouts/{payout_id:str}/destination",
    guards=[by_operator(CONFIRM)],
    tags=TAGS,
    summary="See where a payout goes",
)
async def destination(payments: Parts, caller: Who, payout_id: PayoutId) -> FullDestinationView:
    """Return the destination in clear, for a payout that is sent by hand. Each look is recorded."""
    found = granted(await see_destination(payments, caller.home, caller.principal, payout_id))
    return FullDestinationView(kind=found.kind, label=found.label, details=found.details)


@post(
    "/v1/payouts/{payout_id:str}/confirmation",
    guards=[by_operator(CONFIRM)],
    tags=TAGS,
    summary="Confirm a payout",
    status_code=200,
)
async def confirm(
    payments: Parts,
    caller: Who,
    payout_id: PayoutId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[PayoutConfirmationBody],
) -> PayoutView:
    """Say that a payout's money was sent, will not be, or came back; the bank tells nobody else.

    Of one that is `unknown`, PayPal is told the `batch`, and says itself how it stands.
    """
    said = PayoutConfirmation(payout_id, data.data)
    path, about = f"/v1/payouts/{payout_id}/confirmation", Subject(about=payout_id)
    with kept_call(payments, caller, path, about) as call:
        done = await confirm_payout(payments, caller.home, caller.principal, idempotency_key, said)
        view = await payout_view(payments, caller, granted(done))
        call.answered(view)
    return view


class ApprovedFacts(msgspec.Struct):
    """What is read of the entry of an approved payout."""

    payout: str
    player: str
    money: str
    amount: int


_FACTS = msgspec.json.Decoder(ApprovedFacts)


async def _act(_services: Any, _tenant: TenantRef | None, by: str, stored: StoredApproval) -> Act:
    return ApprovePayout(by, None, stored)


async def _after(services: Any, tenant: TenantRef, receipt: Receipt) -> None:
    await finish(services.payments, tenant, receipt)


def _measure(data: bytes) -> Measured:
    facts = _FACTS.decode(data)
    return Measured(facts.player, {facts.money: facts.amount})


def _show(stored: StoredApproval) -> Mapping[str, Any]:
    return {"payoutId": stored.command.payout_id}


def _answer(receipt: Receipt) -> Mapping[str, str]:
    return {"id": _FACTS.decode(receipt.data).payout}


APPROVING: Approvable[StoredApproval] = Approvable(
    verb=ApprovePayout.verb,
    permission=DECIDE,
    meaning="Agree to a payout of a player's coins, which sends its money.",
    command=StoredApproval,
    show=_show,
    act=_act,
    measure=_measure,
    after=_after,
    answer=_answer,
    sealed=lambda stored: stored.reason,
)
ROUTES: Sequence[Any] = (approve, reject, destination, confirm)
