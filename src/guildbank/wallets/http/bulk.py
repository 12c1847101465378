"""The bulk route: thousands of operations in one call, each on its own or all in one commit."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from litestar import post
from msgspec import Meta

from guildbank.infra.http import (
    Amount,
    Body,
    JSONBody,
    Metadata,
    Service,
    View,
    Who,
    problem,
    scope,
)
from guildbank.journal import MAX_ALL, MAX_EACH, Outcome, Receipt, Unavailable
from guildbank.kernel import Refusal
from guildbank.wallets.contracts import CaptureHold, Grant, PlaceHold, ReleaseHold, Reverse, Spend
from guildbank.wallets.http.bodies import CurrencyCode, HoldId, PlayerId, TransactionId
from guildbank.wallets.http.moves import GRANT, HOLD, HOLD_SECONDS, REVERSE, SPEND
from guildbank.wallets.http.postings import PostingView, posting_view, undid_posting
from guildbank.wallets.http.views import MovedView, hold_id_of, moved_view
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.operate import (
    Operation,
    Request,
    Stopped,
    operate_all,
    operate_each,
)

BULK = "wallets:bulk"
MAX_BODY_BYTES = 4 * 1024 * 1024
TAGS: Sequence[str] = ["Wallets"]
NEEDED = {
    "grant": GRANT,
    "spend": SPEND,
    "hold": HOLD,
    "capture": HOLD,
    "release": HOLD,
    "reverse": REVERSE,
}
_MOVE = ("verb", "key", "player_id", "currency", "amount", "metadata")
FIELDS = {
    "grant": _MOVE,
    "spend": _MOVE,
    "hold": (*_MOVE, "expires_in_seconds"),
    "capture": ("verb", "key", "hold_id", "amount"),
    "release": ("verb", "key", "hold_id"),
    "reverse": ("verb", "key", "transaction_id", "amount", "player_id", "metadata"),
}
PACE = 50
"""Operations that are looked at before other callers get their turn."""
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[!-~]+$(?!\n)")]


BATCH_REFUSED = Refusal(
    code="batch_refused", detail="Nothing happened: another operation of the batch was refused."
)


class OperationBody(Body):
    """One operation: which fields it needs follows from its verb, as in the single calls."""

    __example__: ClassVar = {
        "verb": "grant",
        "key": "quest-7-alice",
        "expiresInSeconds": None,
        "holdId": None,
        "transactionId": None,
    }

    verb: Literal["grant", "spend", "hold", "capture", "release", "reverse"]
    key: Key
    player_id: PlayerId | None = None
    currency: CurrencyCode | None = None
    amount: Amount | None = None
    expires_in_seconds: Annotated[int, Meta(ge=1, le=HOLD_SECONDS)] | None = None
    hold_id: HoldId | None = None
    transaction_id: TransactionId | None = None
    metadata: Metadata | None = None


NOT_TAKEN = {
    verb: [
        (field, name)
        for field, name in zip(
            OperationBody.__struct_fields__, OperationBody.__struct_encode_fields__, strict=True
        )
        if field not in taken
    ]
    for verb, taken in FIELDS.items()
}


class BatchBody(Body):
    """`each`: up to 8,000, every one on its own. `all`: up to 1,000, in one commit or none."""

    __example__: ClassVar = {
        "mode": "each",
    }

    mode: Literal["each", "all"]
    operations: Annotated[list[OperationBody], Meta(min_length=1, max_length=MAX_EACH)]


class OutcomeView(View):
    """`done` with a transaction (a `posting` where one was undone), or `refused` with the code."""

    __example__: ClassVar = {
        "key": "quest-7-alice",
        "status": "done",
        "holdId": None,
        "code": None,
        "detail": None,
        "posting": None,
    }

    key: str
    status: Literal["done", "refused", "failed"]
    transaction: MovedView | None = None
    hold_id: str | None = None
    code: str | None = None
    detail: str | None = None
    posting: PostingView | None = None


class BatchView(View):
    """Outcomes in the order of the operations, and how many of them were done."""

    done: int
    outcomes: Sequence[OutcomeView]


@post(
    "/v1/operations:batch",
    guards=[scope(BULK, fresh=True)],
    tags=TAGS,
    summary="Run many operations",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
)
async def batch(wallets: Service[Wallets], caller: Who, data: JSONBody[BatchBody]) -> BatchView:
    """Run many operations, each with its own idempotency key.

    With `all`, one refusal means that nothing happened; the others are then refused with the
    code `batch_refused`.
    """
    for number, one in enumerate(data.operations):
        if caller.kind != "player" and NEEDED[one.verb] not in caller.scopes:
            raise problem(
                "forbidden",
                f"The key or role lacks the scope {NEEDED[one.verb]}.",
                _at(number, "verb"),
            )
    requests: list[Request] = []
    for number, one in enumerate(data.operations):
        requests.append(_request(number, one))
        if number % PACE == 0:
            await asyncio.sleep(0)
    if data.mode == "each":
        outcomes: list[OutcomeView] = []
        async for answers in operate_each(wallets, caller.home, caller.principal, requests):
            batch_end = len(outcomes) + len(answers)
            outcomes += _outcomes(data.operations[len(outcomes) : batch_end], answers)
        return _view(outcomes)
    if len(requests) > MAX_ALL:
        raise problem("out_of_range", f"In mode all a batch is at most {MAX_ALL}.", "operations")
    answer = await operate_all(wallets, caller.home, caller.principal, requests)
    if isinstance(answer, Stopped):
        refusals = [
            answer.refusal if n == answer.at else BATCH_REFUSED for n in range(len(requests))
        ]
        return _view(_outcomes(data.operations, refusals))
    return _view(_outcomes(data.operations, answer))


def _view(outcomes: Sequence[OutcomeView]) -> BatchView:
    return BatchView(sum(1 for one in outcomes if one.status == "done"), outcomes)


def _outcomes(
    operations: Sequence[OperationBody], answers: Sequence[Outcome | Exception]
) -> list[OutcomeView]:
    return [_outcome(one, answer) for one, answer in zip(operations, answers, strict=True)]


def _outcome(one: OperationBody, answer: Outcome | Exception) -> OutcomeView:
    key = one.key
    if isinstance(answer, Receipt):
        if one.verb == "reverse" and undid_posting(answer):
            return OutcomeView(key, "done", posting=posting_view(answer))
        return OutcomeView(key, "done", moved_view(answer), hold_id_of(answer))
    if isinstance(answer, Refusal):
        return OutcomeView(key, "refused", code=answer.code, detail=answer.detail)
    if isinstance(answer, Unavailable):
        return OutcomeView(key, "failed", code="too_busy", detail=str(answer))
    raise answer


def _request(number: int, one: OperationBody) -> Request:
    for field, name in NOT_TAKEN[one.verb]:
        if getattr(one, field) is not None:
            raise problem("unknown_field", f"{one.verb} takes no {name}.", _at(number, name))
    if one.metadata and one.player_id is None:
        raise _missing(number, "playerId")
    return Request(_operation(number, one), one.key, one.metadata, one.player_id)


def _operation(number: int, one: OperationBody) -> Operation:
    if one.verb in ("capture", "release"):
        hold_id = _need(number, "holdId", one.hold_id)
        return CaptureHold(hold_id, one.amount) if one.verb == "capture" else ReleaseHold(hold_id)
    if one.verb == "reverse":
        transaction = _need(number, "transactionId", one.transaction_id)
        return Reverse(transaction, one.amount, player_id=one.player_id)
    player_id = _need(number, "playerId", one.player_id)
    currency = _need(number, "currency", one.currency)
    if one.amount is None:
        raise _missing(number, "amount")
    if one.verb == "grant":
        return Grant(player_id, currency, one.amount)
    if one.verb == "spend":
        return Spend(player_id, currency, one.amount)
    return PlaceHold(player_id, currency, one.amount, one.expires_in_seconds or 900)


def _need(number: int, field: str, value: str | None) -> str:
    if value is None:
        raise _missing(number, field)
    return value


def _missing(number: int, field: str) -> Exception:
    return problem("missing_field", f"This verb needs {field}.", _at(number, field))


def _at(number: int, field: str) -> str:
    return f"operations.{number}.{field}"


ROUTES = (batch,)
