"""Routes of disputes: which there are, until when to answer them, and by which evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from litestar import get, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Body,
    IdempotencyKey,
    JSONBody,
    Limit,
    Page,
    Service,
    View,
    Who,
    by_operator,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
    write_money,
)
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.rows import Dispute, DisputeState, EvidenceState
from guildbank.payments.disputes import DisputeFilter
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payments import READ
from guildbank.payments.http.views import DisputeView
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.answer_dispute import ANSWER, answer_dispute
from guildbank.payments.usecases.read_disputes import ShownDispute, get_dispute, list_disputes

Parts = Service[Payments]
TAGS: Sequence[str] = ["Disputes"]
DisputeId = Annotated[str, PathParameter(description="The dispute's id.", max_length=90)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$(?!\n)")]
# Letters and logs have lines, unlike the words of other calls.
Text = Annotated[
    str, Meta(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$(?!\n)")
]
Evidence = Annotated[dict[Name, Text], Meta(min_length=1, max_length=30)]
_TEXTS = {
    "product_description": "500 gems, credited at once to the account that bought them.",
    "access_activity_log": "2026-11-20T10:02:11Z 203.0.113.7 spent 500 gems",
}


class EvidenceBody(Body):
    """Texts that answer the dispute, under the names that its provider takes."""

    __example__: ClassVar = {"evidence": _TEXTS}

    evidence: Evidence


class DisputeLine(DisputeView):
    """A dispute in a list. `evidenceState` says what became of the evidence, if any was given."""

    __example__: ClassVar = {
        "id": "dis_01kag3pyqmf9aag12vtrsy70ps",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "stripe",
        "reference": "du_1MtJUT2eZvKYlo2CNaw2HvEv",
        "evidenceState": None,
    }

    payment_id: str
    provider: str
    reference: str
    evidence_state: EvidenceState | None


class AnswerView(View):
    """What was handed in: by whom (nobody known where it was done at the provider), when, what.

    `code` is the provider's word where it took nothing.
    """

    __example__: ClassVar = {
        "state": "submitted",
        "by": "op_01kag3pyqmf9aag12vtrsy70ps",
        "at": "2026-11-26T10:00:00Z",
        "code": None,
        "texts": _TEXTS,
    }

    state: EvidenceState
    by: str | None
    at: datetime | None
    code: str | None
    texts: Mapping[str, str]


class DisputeRecordView(DisputeLine):
    """A dispute with its answer. `takes` names the texts that its provider takes as evidence, and
    the most characters of each; it is empty where the dispute is answered at the provider alone.
    """

    __example__: ClassVar = {"answer": None, "takes": {"product_description": 20_000}}

    answer: AnswerView | None
    takes: Mapping[str, int]


@get("/v1/disputes", guards=[scope(READ)], tags=TAGS, summary="List disputes")
async def list_all(
    payments: Parts,
    caller: Who,
    in_state: Annotated[
        DisputeState | None, QueryParameter(name="state", description="In one state.")
    ] = None,
    payment_id: Annotated[
        str | None, QueryParameter(name="paymentId", max_length=90, description="Of one payment.")
    ] = None,
    due_within: Annotated[
        int | None,
        QueryParameter(
            name="dueWithinHours", ge=1, le=8_784,
            description="That nobody has answered and that are to be answered by then.",
        ),
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[DisputeLine]:  # fmt: skip
    """List disputes, newest first."""
    by = None if due_within is None else payments.clock.now() + timedelta(hours=due_within)
    wanted = DisputeFilter(in_state, payment_id, by)
    position = decode_cursor(after, [str])
    before = str(position[0]) if position else None
    found = await list_disputes(payments, caller.home, wanted, before, limit + 1)
    more = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
    return Page([DisputeLine(**_line(one)) for one in found[:limit]], more)


@get("/v1/disputes/{dispute_id:str}", guards=[scope(READ)], tags=TAGS, summary="Read a dispute")
async def read(payments: Parts, caller: Who, dispute_id: DisputeId) -> DisputeRecordView:
    """Return a dispute, until when it is to be answered, and what was handed in."""
    return _record(granted(await get_dispute(payments, caller.home, dispute_id)))


@post(
    "/v1/disputes/{dispute_id:str}/evidence",
    guards=[by_operator(ANSWER)],
    tags=TAGS,
    summary="Answer a dispute",
    status_code=200,
)
async def answer(
    payments: Parts,
    caller: Who,
    dispute_id: DisputeId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[EvidenceBody],
) -> DisputeRecordView:
    """Hand in evidence, for good and before `answerBy`: a dispute is answered once.

    The texts are kept under the buyer's key and sent to the provider. Where it does not say that
    it has them, `answer.state` is `unknown`, and it is asked again. The same key answers the same.
    """
    path = f"/v1/disputes/{dispute_id}/evidence"
    # Of what is handed in nothing is kept here: it has a place of its own.
    with kept_call(payments, caller, path, None) as call:
        done = await answer_dispute(
            payments, caller.home, caller.principal, idempotency_key, dispute_id, data.evidence
        )
        view = _record(granted(done))
        call.subject = Subject(view.payment_id)
        call.answered(view)
    return view


def _record(shown: ShownDispute) -> DisputeRecordView:
    dispute = shown.dispute
    given = None
    if dispute.evidence_state is not None:
        given = AnswerView(
            state=dispute.evidence_state, by=dispute.evidence_by, at=dispute.evidence_at,
            code=dispute.evidence_code, texts=shown.texts,
        )  # fmt: skip
    return DisputeRecordView(**_line(dispute), answer=given, takes=shown.takes)


def _line(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "payment_id": dispute.payment_id,
        "provider": dispute.provider,
        "reference": dispute.reference,
        "state": dispute.state,
        "amount": write_money(dispute.amount_minor, dispute.money),
        "withdrawn": dispute.withdrawn,
        "reinstated": dispute.reinstated,
        "reason": dispute.reason,
        "answer_by": dispute.answer_by,
        "evidence_state": dispute.evidence_state,
        "created_at": dispute.created_at,
    }


ROUTES = (list_all, read, answer)
