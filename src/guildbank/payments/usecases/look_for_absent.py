"""Add lines for captures and payouts that a provider's report should have had and has not."""

from collections.abc import Sequence

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver
from guildbank.payments import payouts, reports
from guildbank.payments.contracts.reports import LineState, Origin, Reconciliation
from guildbank.payments.reports import Span
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import MAX_SETTLEMENTS, Settlement, SettlementKind


async def look_for_absent(payments: Payments, tenant: TenantRef, run: Reconciliation) -> None:
    """Add a line for each capture and payout that should have been in the report and was not.

    A day's run is too early for its own day, and looks at the one that lies so far back. A file
    says of payouts what its bank says, so that none is missed there.
    """
    daily = run.origin is Origin.DAILY
    since = run.since - payments.timing.settling if daily else run.since
    span = since, run.until - payments.timing.settling
    for of in (_captures, _payouts)[: 1 if run.origin is Origin.FILE else 2]:
        after = ""
        while True:
            async with payments.db.begin(tenant.schema) as tx:
                lines = await of(tx.driver, run, span, after)
                await reports.add_lines(tx.driver, run.id, lines, LineState.MISSING_THERE)
            if len(lines) < MAX_SETTLEMENTS:
                break
            after = lines[-1].transaction.removeprefix(_OURS)


_OURS = "ours:"


async def _captures(
    driver: Driver, run: Reconciliation, span: Span, after: str
) -> Sequence[Settlement]:
    daily = run.origin is Origin.DAILY
    absent = await reports.absent_attempts(
        driver, run.provider, span, after, MAX_SETTLEMENTS, reconciled=daily
    )
    return [
        Settlement(
            transaction=f"{_OURS}{one.id}", kind=SettlementKind.CAPTURE, at=one.created_at,
            currency=one.captured_money or "", gross_minor=one.captured_minor, fee_minor=0,
            net_minor=one.captured_minor, attempt_id=one.id, reference=one.reference,
        )
        for one in absent
    ]  # fmt: skip


async def _payouts(
    driver: Driver, run: Reconciliation, span: Span, after: str
) -> Sequence[Settlement]:
    daily = run.origin is Origin.DAILY
    absent = await payouts.absent_payouts(
        driver, run.provider, span, after, MAX_SETTLEMENTS, reconciled=daily
    )
    return [
        Settlement(
            transaction=f"{_OURS}{one.id}", kind=SettlementKind.PLAYER_PAYOUT,
            at=one.paid_at or one.changed_at, currency=one.money, gross_minor=-one.amount_minor,
            fee_minor=0, net_minor=-one.amount_minor, reference=one.reference, payout=one.id,
        )
        for one in absent
    ]  # fmt: skip
