"""Hold one line of a provider's report against the books, and ask the provider where they differ.

Nothing is booked by what a report says, but for fees: what the books lack is asked for by the usual
door, so that a capture is credited or set aside as any other.
"""

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments import reports, store
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.reports import Line, LineState, Reconciliation
from guildbank.payments.contracts.rows import Attempt, RefundState
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.book_fee import BookFee
from guildbank.payments.usecases.handle_webhook import follow_refund
from guildbank.payments.usecases.look import look_at_attempt
from guildbank.payments.usecases.look_at_dispute import look_by_line as look_at_disputes
from guildbank.payments.usecases.match_payout import booked, look_by_line, payout_of_line
from guildbank.payments.usecases.open_money import OpenMoney
from guildbank.plugin_api import EventKind, ProviderEvent, SettlementKind

log = structlog.get_logger(__name__)
OF_A_FEE = frozenset({SettlementKind.FEE})
KEPT_ONLY = frozenset({SettlementKind.PAYOUT, SettlementKind.ADJUSTMENT})


async def match_line(
    payments: Payments, tenant: TenantRef, run: Reconciliation, line: Line
) -> Line:
    """Return the line with what came of it, its fee booked. Safe to repeat after a crash."""
    found = await _compare(payments, tenant, run, line)
    if found.state is LineState.MISSING_HERE and await _look(payments, tenant, run, found):
        found = await _compare(payments, tenant, run, msgspec.structs.replace(found, looked=True))
    if found.fee_minor != 0 and found.state is not LineState.DUPLICATE:
        found = await _book_fee(payments, tenant, run, found)
    async with payments.db.begin(tenant.schema) as tx:
        await reports.settle_line(tx.driver, found)
    return found


async def _compare(payments: Payments, tenant: TenantRef, run: Reconciliation, line: Line) -> Line:
    """Say how the books stand to a line."""
    if line.kind in OF_A_FEE or line.kind in KEPT_ONLY:
        state = LineState.FEE if line.kind in OF_A_FEE else LineState.NOTED
        return msgspec.structs.replace(line, state=state)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if await reports.has_twin(tx.driver, line):
            return msgspec.structs.replace(line, state=LineState.DUPLICATE)
        match line.kind:
            case SettlementKind.CAPTURE:
                attempt = await _attempt(payments, tenant, run.provider, line)
                if attempt is None or attempt.captured_money is None:
                    return _missing(line, attempt)
                ours = attempt.captured_minor, attempt.captured_money
                return _judged(line, attempt.payment_id, attempt.id, ours)
            case SettlementKind.REFUND:
                refund = await reports.refund_of_line(tx.driver, run.provider, line)
                if refund is None or refund.state is not RefundState.SUCCEEDED:
                    return _missing(line, await _attempt(payments, tenant, run.provider, line))
                ours = -refund.amount_minor, refund.money
                return _judged(line, refund.payment_id, refund.attempt_id, ours)
            case SettlementKind.PLAYER_PAYOUT:
                return await _compare_payout(payments, tenant, run, line)
            case _:
                attempt = await _attempt(payments, tenant, run.provider, line)
                dispute = await reports.dispute_of_line(tx.driver, run.provider, line, attempt)
                if dispute is None or not dispute.withdrawn:
                    return _missing(line, attempt)
                # Money that came back is a line of its own, of the same dispute.
                sign = 1 if line.gross_minor > 0 else -1
                ours = sign * dispute.amount_minor, dispute.money
                return _judged(line, dispute.payment_id, dispute.attempt_id, ours)


async def _compare_payout(
    payments: Payments, tenant: TenantRef, run: Reconciliation, line: Line
) -> Line:
    payout = await payout_of_line(payments, tenant, run.provider, line)
    if payout is None:
        return _missing(line, None)
    line = msgspec.structs.replace(line, payout=payout.id)
    ours = booked(payout, line)
    return _missing(line, None) if ours is None else _judged(line, None, None, ours)


def _missing(line: Line, attempt: Attempt | None) -> Line:
    return msgspec.structs.replace(
        line,
        state=LineState.MISSING_HERE,
        payment_id=None if attempt is None else attempt.payment_id,
        attempt_id=line.attempt_id if attempt is None else attempt.id,
    )


def _judged(
    line: Line, payment_id: str | None, attempt_id: str | None, ours: tuple[int, str]
) -> Line:
    amount, money = ours
    state = LineState.MATCHED
    if money != line.money:
        state = LineState.CURRENCY_DIFFERS
    elif amount != line.gross_minor:
        state = LineState.AMOUNT_DIFFERS
    return msgspec.structs.replace(
        line, state=state, payment_id=payment_id, attempt_id=attempt_id, ours_minor=amount
    )


async def _attempt(
    payments: Payments, tenant: TenantRef, provider: str, line: Line
) -> Attempt | None:
    """Return the attempt of a line, by our reference or by the provider's of the payment."""
    reference = line.payment_reference
    if reference is None and line.kind == SettlementKind.CAPTURE:
        reference = line.reference
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if line.attempt_id is not None:
            found = await store.attempt_by_id(tx.driver, line.attempt_id)
            if found is not None and found.provider == provider:
                return found
        if reference is None:
            return None
        return await store.attempt_by_reference(tx.driver, provider, reference)


async def _look(payments: Payments, tenant: TenantRef, run: Reconciliation, line: Line) -> bool:
    """Ask the provider about a payment or payout of ours whose line the books do not know."""
    if line.kind == SettlementKind.PLAYER_PAYOUT:
        return await look_by_line(payments, tenant, run.provider, line)
    attempt = await _attempt(payments, tenant, run.provider, line)
    if attempt is None:
        return False
    if attempt.captured_money is None:
        await look_at_attempt(payments, tenant, attempt)
    if line.kind == SettlementKind.DISPUTE:
        return await look_at_disputes(payments, tenant, attempt, line.reference)
    if line.kind == SettlementKind.REFUND:
        event = ProviderEvent(
            external_id=line.transaction, kind=EventKind.REFUND, attempt_id=attempt.id,
            refund_id=line.refund_id, refund_reference=line.reference,
            amount_minor=abs(line.gross_minor), currency=line.money,
        )  # fmt: skip
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            fresh = await store.attempt_by_id(tx.driver, attempt.id) or attempt
        await follow_refund(payments, tenant, fresh, event)
    return True


async def _book_fee(payments: Payments, tenant: TenantRef, run: Reconciliation, line: Line) -> Line:
    """Book the line's fee; one of another amount under the same transaction stays unbooked."""
    opened = await payments.journal.submit(tenant.schema, OpenMoney(line.money))
    if isinstance(opened, Refusal) and opened.code != NO_CHANGE.code:
        raise LookupError(f"{line.money} cannot be opened: {opened.code}")
    booked = await payments.journal.submit(tenant.schema, BookFee(run.provider, line))
    if isinstance(booked, Receipt):
        return msgspec.structs.replace(line, fee_seq=booked.seq)
    log.error("fee_not_booked", transaction=line.transaction, code=booked.code)
    return line
