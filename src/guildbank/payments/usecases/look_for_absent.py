"""Add lines for money that moved in the books, and in no report of its provider."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver
from guildbank.payments import absent, payouts, reports
from guildbank.payments.absent import Sought
from guildbank.payments.contracts.reports import LineState, Origin, Reconciliation
from guildbank.payments.contracts.rows import Dispute
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import MAX_SETTLEMENTS, ReportLine, Settlement, SettlementKind

_OURS, _BACK = "ours:", ":back"
_OF_FILES = frozenset[ReportLine]({"refund", "dispute", "dispute_back"})


async def look_for_absent(payments: Payments, tenant: TenantRef, run: Reconciliation) -> None:
    """Add a line for each movement of money that should have been in the report and was not.

    A day's run is too early for its own day, and looks at the one that lies so far back.
    """
    daily = run.origin is Origin.DAILY
    since = run.since - payments.timing.settling if daily else run.since
    span = since, run.until - payments.timing.settling
    has = await _kinds(payments, tenant, run)
    for kind in sorted(has):
        after = ""
        while True:
            sought = Sought(run.provider, span, after, MAX_SETTLEMENTS, daily)
            async with payments.db.begin(tenant.schema) as tx:
                lines = await _READERS[kind](tx.driver, sought, "dispute_back" in has)
                await reports.add_lines(tx.driver, run.id, lines, LineState.MISSING_THERE)
            if len(lines) < MAX_SETTLEMENTS:
                break
            after = lines[-1].transaction.removeprefix(_OURS).removesuffix(_BACK)


async def _kinds(
    payments: Payments, tenant: TenantRef, run: Reconciliation
) -> frozenset[ReportLine]:
    """Return of what the report has a line each, so that one can be missed.

    A provider's manifest says so. A file has captures, and what else it shows some of; of payouts
    it says what its bank says, so that none is missed there.
    """
    if run.origin is not Origin.FILE:
        plugin = payments.plugins.provider(run.provider)
        return frozenset() if plugin is None else plugin.manifest.report_lines
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        shown = await absent.kinds_in(tx.driver, run.id)
    return frozenset({"capture", *(kind for kind in _OF_FILES if kind in shown)})


async def _captures(driver: Driver, sought: Sought, _: bool) -> Sequence[Settlement]:
    return [
        Settlement(
            transaction=f"{_OURS}{one.id}", kind=SettlementKind.CAPTURE, at=one.created_at,
            currency=one.captured_money or "", gross_minor=one.captured_minor, fee_minor=0,
            net_minor=one.captured_minor, attempt_id=one.id, reference=one.reference,
        )
        for one in await absent.absent_attempts(driver, sought)
    ]  # fmt: skip


async def _refunds(driver: Driver, sought: Sought, _: bool) -> Sequence[Settlement]:
    return [
        Settlement(
            transaction=f"{_OURS}{one.id}", kind=SettlementKind.REFUND, at=one.changed_at,
            currency=one.money, gross_minor=-one.amount_minor, fee_minor=0,
            net_minor=-one.amount_minor, attempt_id=one.attempt_id, refund_id=one.id,
            reference=one.reference,
        )
        for one in await absent.absent_refunds(driver, sought)
    ]  # fmt: skip


async def _withdrawals(driver: Driver, sought: Sought, back: bool) -> Sequence[Settlement]:
    found = await absent.absent_withdrawals(driver, sought, back=back)
    return [_of_dispute(one, f"{_OURS}{one.id}", -one.amount_minor) for one in found]


async def _reinstatements(driver: Driver, sought: Sought, _: bool) -> Sequence[Settlement]:
    found = await absent.absent_reinstatements(driver, sought)
    return [_of_dispute(one, f"{_OURS}{one.id}{_BACK}", one.amount_minor) for one in found]


def _of_dispute(one: Dispute, transaction: str, gross: int) -> Settlement:
    moved = one.withdrawn_at if gross < 0 else one.reinstated_at
    return Settlement(
        transaction=transaction, kind=SettlementKind.DISPUTE, at=moved or one.changed_at,
        currency=one.money, gross_minor=gross, fee_minor=0, net_minor=gross,
        attempt_id=one.attempt_id, reference=one.reference,
    )  # fmt: skip


async def _payouts(driver: Driver, sought: Sought, _: bool) -> Sequence[Settlement]:
    found = await payouts.absent_payouts(
        driver, sought.provider, sought.span, sought.after, sought.limit,
        reconciled=sought.reconciled,
    )  # fmt: skip
    return [
        Settlement(
            transaction=f"{_OURS}{one.id}", kind=SettlementKind.PLAYER_PAYOUT,
            at=one.paid_at or one.changed_at, currency=one.money, gross_minor=-one.amount_minor,
            fee_minor=0, net_minor=-one.amount_minor, reference=one.reference, payout=one.id,
        )
        for one in found
    ]  # fmt: skip


_READERS: Mapping[ReportLine, Callable[[Driver, Sought, bool], Awaitable[Sequence[Settlement]]]] = {
    "capture": _captures,
    "refund": _refunds,
    "dispute": _withdrawals,
    "dispute_back": _reinstatements,
    "player_payout": _payouts,
}
