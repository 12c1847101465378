"""Hold a period of a provider's report against the books: read it, match it, look for the rest.

Each step leaves behind where it stands, so that a run that was killed goes on and does nothing
twice: lines have the provider's own ids, and fees have keys.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import MAX_AMOUNT, Refusal, new_id
from guildbank.ledger import is_money
from guildbank.payments import reports
from guildbank.payments.archive import Subject
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.refusals import BAD_PERIOD, NO_REPORTS
from guildbank.payments.contracts.reports import (
    LineState,
    Origin,
    Reconciliation,
    ReconciliationState,
)
from guildbank.payments.contracts.rows import RECONCILIATION_STARTED
from guildbank.payments.store import RECONCILIATIONS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_to
from guildbank.payments.usecases.look_for_absent import look_for_absent
from guildbank.payments.usecases.match_line import match_line
from guildbank.plugin_api import (
    MAX_SETTLEMENTS,
    Settlement,
    SettlementPage,
)

log = structlog.get_logger(__name__)
CAPABILITY = "settlements"
LONGEST = timedelta(days=366)
MAX_RUNS, MAX_PAGES, MAX_MATCHES = 5, 10, 500
"""What one turn of the job does for one tenant; the rest waits for the next."""


class Period(msgspec.Struct, frozen=True):
    """What is to be reconciled: a provider's lines of `since` <= at < `until`."""

    provider: str
    since: datetime
    until: datetime


class StartReconciliation(Act):
    """Record that a period is to be reconciled; a job does it."""

    verb = "payments.reconcile"
    __slots__ = ("id", "origin", "period")

    def __init__(self, principal: str, key: str | None, period: Period, origin: Origin) -> None:
        command = (period.provider, period.since.isoformat(), period.until.isoformat())
        super().__init__(principal, key, command)
        self.id = new_id("rec")
        self.period = period
        self.origin = origin

    def needs(self, stage: Stage) -> list[Need]:
        """Return the row that is to be there."""
        return [(RECONCILIATIONS, self.id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Accept."""
        period = self.period
        run = Reconciliation(
            id=self.id, provider=period.provider, since=period.since, until=period.until,
            state=ReconciliationState.READING, cursor=None, problem=None,
            created_at=stage.now, changed_at=stage.now, origin=self.origin,
        )  # fmt: skip
        stage.put(RECONCILIATIONS, run.id, run)
        told = {
            "reconciliation": run.id, "provider": period.provider,
            "since": period.since.isoformat(), "until": period.until.isoformat(),
            "origin": self.origin,
        }  # fmt: skip
        return Draft(RECONCILIATION_STARTED, facts(told))


async def start_reconciliation(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str | None,
    period: Period,
    *,
    origin: Origin = Origin.ASKED,
) -> Reconciliation | Refusal:
    """Begin a run, once for a key.

    Refusals: `unknown_provider`, `sandbox_refused`, `reports_not_supported`, `bad_period`, those of
    the journal.
    """
    line = await line_to(payments, tenant, period.provider)
    if isinstance(line, Refusal):
        return line
    if CAPABILITY not in line.manifest.capabilities:
        return NO_REPORTS
    return await begin_run(payments, tenant, principal, key, period, origin)


async def begin_run(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str | None,
    period: Period,
    origin: Origin,
) -> Reconciliation | Refusal:
    """Record a run of a provider that is known; refusals: `bad_period`, those of the journal."""
    known = period.since < period.until <= payments.clock.now()
    if not known or period.until - period.since > LONGEST:
        return BAD_PERIOD
    act = StartReconciliation(principal, key, period, origin)
    receipt = await payments.journal.submit(tenant.schema, act)
    if isinstance(receipt, Refusal):
        return receipt
    id_ = msgspec.json.decode(receipt.data)["reconciliation"]
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        run = await reports.run_by_id(tx.driver, id_)
    assert run is not None, "a run is never taken away"
    return run


async def reconcile(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Let the tenant's open runs go on by a bounded step each, until the turn is over.

    Those of a provider go one after another. Returns how many went on.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await reports.open_runs(tx.driver, MAX_RUNS)

    async def go_on(one: Reconciliation) -> int:
        reading = one.state is ReconciliationState.READING
        run = await _read(payments, tenant, one, turn) if reading else one
        if run.state is ReconciliationState.MATCHING:
            await _match(payments, tenant, run, turn)
        return 1

    return await in_lanes(turn, ((one.provider, partial(go_on, one)) for one in found))


async def _read(
    payments: Payments, tenant: TenantRef, run: Reconciliation, turn: Turn
) -> Reconciliation:
    """Read pages of the report; a provider that gives none is asked again by the next turn."""
    for _ in range(MAX_PAGES):
        page = await _page(payments, tenant, run)
        if isinstance(page, str):
            return await _move(payments, tenant, run, problem=page)
        problem = _fault(page, run)
        if problem is not None:
            log.error("settlements_malformed", provider=run.provider, problem=problem)
            failed = ReconciliationState.FAILED
            return await _move(payments, tenant, run, state=failed, problem=problem)
        over = page.next is None
        run = msgspec.structs.replace(
            run,
            cursor=page.next,
            problem=None,
            state=ReconciliationState.MATCHING if over else run.state,
        )
        async with payments.db.begin(tenant.schema) as tx:
            await reports.add_lines(tx.driver, run.id, page.lines)
            await reports.move_run(tx.driver, run, payments.clock.now())
        if over or turn.is_over:
            break
    return run


async def _page(payments: Payments, tenant: TenantRef, run: Reconciliation) -> SettlementPage | str:
    """Return a page of the report, or the code of why there is none."""
    line = await line_to(payments, tenant, run.provider)
    if isinstance(line, Refusal):
        return line.code
    line = line.about(payments, tenant, Subject(about=run.id))
    settles = payments.plugins.settles(run.provider)
    if settles is None:
        return NO_REPORTS.code
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            return await settles.settlements(line.context, run.since, run.until, run.cursor)
    except Exception as error:  # whatever it raises, the report is asked for again
        log.warning("settlements_not_read", provider=run.provider, error=fault_of(line, error))
        return "no_answer"


def _fault(page: SettlementPage, run: Reconciliation) -> str | None:
    """Return why a page cannot be used, None where it can."""
    if len(page.lines) > MAX_SETTLEMENTS:
        return "too_many_lines"
    if page.next is not None and (page.next == run.cursor or not storable(page.next)):
        return "cursor_stands_still"
    if any(not _is_sound(one) for one in page.lines):
        return "malformed_line"
    return None


def _is_sound(line: Settlement) -> bool:
    texts = (
        line.attempt_id, line.refund_id, line.reference, line.payment_reference, line.payout,
    )  # fmt: skip
    amounts = (line.gross_minor, line.fee_minor, line.net_minor)
    return (
        storable(line.transaction)
        and all(text is None or storable(text) for text in texts)
        and is_money(line.currency)
        and all(abs(amount) <= MAX_AMOUNT for amount in amounts)
        and line.net_minor == line.gross_minor - line.fee_minor
        and line.at.tzinfo is not None
    )


async def _match(payments: Payments, tenant: TenantRef, run: Reconciliation, turn: Turn) -> None:
    """Match lines that are new; once there is none, look for what no line told of."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        fresh = await reports.lines_of(tx.driver, run.id, LineState.NEW, 0, MAX_MATCHES)
    for number, line in enumerate(fresh):
        if number and turn.is_over:
            await _move(payments, tenant, run)
            return
        await match_line(payments, tenant, run, line)
    if len(fresh) == MAX_MATCHES:
        await _move(payments, tenant, run)
        return
    await look_for_absent(payments, tenant, run)
    await _move(payments, tenant, run, state=ReconciliationState.DONE)


async def _move(
    payments: Payments,
    tenant: TenantRef,
    run: Reconciliation,
    *,
    state: ReconciliationState | None = None,
    problem: str | None = None,
) -> Reconciliation:
    moved = msgspec.structs.replace(run, state=state or run.state, problem=problem)
    async with payments.db.begin(tenant.schema) as tx:
        await reports.move_run(tx.driver, moved, payments.clock.now())
    return moved
