"""Routes by which the books are held against what providers report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

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
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.infra.http.schema import currency_scale
from guildbank.kernel import format_money
from guildbank.payments.contracts.reports import Line, LineState, Reconciliation
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.read_reconciliations import (
    list_reconciliations,
    read_lines,
    read_reconciliation,
)
from guildbank.payments.usecases.reconcile import Period, start_reconciliation

Parts = Service[Payments]
READ, RECONCILE = "payments:read", "payments:reconcile"
TAGS: Sequence[str] = ["Reconciliation"]
Moment = Annotated[datetime, Meta(tz=True, description="With a zone, such as Z.")]
RunId = Annotated[str, PathParameter(description="The reconciliation's id.", max_length=90)]
StateOfLine = Annotated[
    LineState | None, QueryParameter(name="state", description="Only lines of which this came.")
]


class ReconciliationBody(Body):
    """The provider whose report is to be read, and the period: `since` <= at < `until`."""

    __example__: ClassVar = {
        "provider": "sandbox",
        "since": "2026-11-01T00:00:00Z",
        "until": "2026-11-02T00:00:00Z",
    }

    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    since: Moment
    until: Moment


class ReconciliationView(View):
    """A period of a provider's report, and how far it is held against the books.

    `state` is reading, matching, done or failed; `problem` says why it failed, or what keeps it
    from going on. `counts` has the number of lines by what came of them, null in lists. `origin` is
    asked, daily, or file where somebody brought the report.
    """

    __example__: ClassVar = {
        "id": "rec_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "stripe",
        "origin": "daily",
        "state": "done",
        "problem": None,
        "counts": {"matched": 120, "missing_here": 1},
    }

    id: str
    provider: str
    origin: str
    since: datetime
    until: datetime
    state: str
    problem: str | None
    counts: Mapping[str, int] | None
    created_at: datetime
    changed_at: datetime


class SettlementView(View):
    """A line of the report, and what came of it.

    `gross` is what it did to the balance that the provider holds, `ours` what the books say of the
    same; amounts are signed and in `currency`. `looked` says that the provider was
    asked about the payment because of this line, `feeBooked` that the books have its fee.
    """

    __example__: ClassVar = {
        "number": 7,
        "transaction": "txn_3PqVmH",
        "kind": "capture",
        "state": "matched",
        "currency": "EUR",
        "gross": "4.99",
        "fee": "0.39",
        "net": "4.60",
        "ours": "4.99",
        "reference": "pi_3PqVmH",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "payout": None,
    }

    number: int
    transaction: str
    kind: str
    state: str
    at: datetime
    currency: str
    gross: str
    fee: str
    net: str
    ours: str | None
    reference: str | None
    payment_id: str | None
    payout: str | None
    looked: bool
    fee_booked: bool


@post(
    "/v1/reconciliations",
    guards=[scope(RECONCILE)],
    tags=TAGS,
    summary="Reconcile a period with a provider",
)
async def create(
    payments: Parts,
    caller: Who,
    idempotency_key: IdempotencyKey,
    data: JSONBody[ReconciliationBody],
) -> ReconciliationView:
    """Begin to hold a period of a provider's report against the books; a worker does it.

    Fees that the report names are booked, once for each of its lines. The same period may be
    reconciled again: what was late is found then. The same key answers with the same one.
    """
    period = Period(data.provider, data.since, data.until)
    run = await start_reconciliation(
        payments, caller.home, caller.principal, idempotency_key, period
    )
    return _view(granted(run))


@get("/v1/reconciliations", guards=[scope(READ)], tags=TAGS, summary="List reconciliations")
async def list_all(
    payments: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[ReconciliationView]:
    """List reconciliations, the newest first."""
    place = decode_cursor(after, [str])
    before = None if place is None else str(place[0])
    found = await list_reconciliations(payments, caller.home, before, limit + 1)
    more = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
    return Page([_view(one) for one in found[:limit]], more)


@get(
    "/v1/reconciliations/{run_id:str}",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read a reconciliation",
)
async def read(payments: Parts, caller: Who, run_id: RunId) -> ReconciliationView:
    """Return a reconciliation with the number of its lines by what came of them."""
    found = granted(await read_reconciliation(payments, caller.home, run_id))
    return _view(found.run, found.counts)


@get(
    "/v1/reconciliations/{run_id:str}/lines",
    guards=[scope(READ)],
    tags=TAGS,
    summary="List lines of a reconciliation",
)
async def lines(
    payments: Parts,
    caller: Who,
    run_id: RunId,
    of_state: StateOfLine = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[SettlementView]:
    """List lines in the report's order; those that the report lacks are the last."""
    place = decode_cursor(after, [int])
    begin = 0 if place is None else int(place[0])
    found = granted(await read_lines(payments, caller.home, run_id, of_state, begin, limit + 1))
    more = encode_cursor([found[limit - 1].number]) if len(found) > limit else None
    return Page([_line(one) for one in found[:limit]], more)


def _view(run: Reconciliation, counts: Mapping[str, int] | None = None) -> ReconciliationView:
    return ReconciliationView(
        id=run.id,
        provider=run.provider,
        origin=run.origin,
        since=run.since,
        until=run.until,
        state=run.state,
        problem=run.problem,
        counts=counts,
        created_at=run.created_at,
        changed_at=run.changed_at,
    )


def _line(one: Line) -> SettlementView:
    def text(amount_minor: int) -> str:
        return format_money(amount_minor, currency_scale(one.money) or 0)

    return SettlementView(
        number=one.number,
        transaction=one.transaction,
        kind=one.kind,
        state=one.state,
        at=one.at,
        currency=one.money,
        gross=text(one.gross_minor),
        fee=text(one.fee_minor),
        net=text(one.net_minor),
        ours=None if one.ours_minor is None else text(one.ours_minor),
        reference=one.reference,
        payment_id=one.payment_id,
        payout=one.payout,
        looked=one.looked,
        fee_booked=one.fee_seq is not None,
    )


ROUTES = (create, list_all, read, lines)
