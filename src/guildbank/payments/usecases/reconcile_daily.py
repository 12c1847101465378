"""Reconcile each day with each provider that reports, and tell when a day is not done in time.

A day is begun under a key of its own, so that workers that race begin it once, and one that was
missed is begun later. What a day's own run cannot know yet, captures that no report has, the run
of three days later looks for.
"""

from datetime import datetime, timedelta

import msgspec
import structlog

from guildbank.identity import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.ledger import Alarm, begin_alarm, end_alarm
from guildbank.payments import reports, store
from guildbank.payments.contracts.reports import DailyRun, Origin, ReconciliationState
from guildbank.payments.contracts.rows import RECONCILIATION_CAUGHT_UP, RECONCILIATION_MISSED
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import SYSTEM
from guildbank.payments.usecases.reconcile import Period, start_reconciliation

log = structlog.get_logger(__name__)
DAY = timedelta(days=1)
CATCH_UP_DAYS = 7
"""How many days back are begun that no worker was there for."""
MISSED = Alarm(
    name="reconciliation",
    begins=RECONCILIATION_MISSED,
    ends=RECONCILIATION_CAUGHT_UP,
    permission="payments:reconcile",
)


class Due(msgspec.Struct, frozen=True):
    """A day of a provider that is to be reconciled: it ended at `until`."""

    provider: str
    until: datetime

    @property
    def key(self) -> str:
        """The key under which it is begun."""
        return f"daily:{self.provider}:{self.until - DAY:%Y-%m-%d}"


async def begin_days(payments: Payments, tenant: TenantRef) -> int:
    """Begin the days that are due and were not begun; return how many those are."""
    due, runs = await _due(payments, tenant)
    known = {(one.provider, one.until) for one in runs}
    begun = 0
    for day in due:
        if (day.provider, day.until) in known:
            continue
        period = Period(day.provider, day.until - DAY, day.until)
        run = await start_reconciliation(
            payments, tenant, SYSTEM, day.key, period, origin=Origin.DAILY
        )
        if isinstance(run, Refusal):
            log.warning("day_not_begun", tenant=tenant.slug, provider=day.provider, code=run.code)
            continue
        begun += 1
    return begun


async def watch_days(payments: Payments, identity: Identity, tenant: TenantRef) -> bool:
    """Begin the alarm where a day is not done in time, or end it; return whether there is one."""
    due, runs = await _due(payments, tenant)
    done = {(one.provider, one.until) for one in runs if one.state is ReconciliationState.DONE}
    patience = payments.timing.daily_patience
    hour = await _hour(payments, tenant)
    now = payments.clock.now()
    late = [
        day
        for day in due
        if (day.provider, day.until) not in done
        and day.until + timedelta(hours=hour or 0) + patience <= now
    ]
    if not late:
        if await end_alarm(identity, tenant, MISSED, {}, {}):
            log.warning("reconciliation_caught_up", tenant=tenant.slug)
        return False
    first = late[0]
    day = f"{first.until - DAY:%Y-%m-%d}"
    told = {"provider": first.provider, "day": day, "days": len(late)}
    values = {"provider": first.provider, "day": day}
    if await begin_alarm(identity, tenant, MISSED, told, values):
        log.error(
            "reconciliation_missed",
            tenant=tenant.slug,
            provider=first.provider,
            day=day,
            meaning="A day's report of the provider was not held against the books in time.",
            to_do="Read GET /v1/reconciliations; see docs/reconcile-with-a-provider.md.",
        )
    return True


async def _due(payments: Payments, tenant: TenantRef) -> tuple[list[Due], list[DailyRun]]:
    """Return the days that are due, the oldest first, and the runs of those days."""
    hour = await _hour(payments, tenant)
    if hour is None:
        return [], []
    now = payments.clock.now()
    newest = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if now < newest + timedelta(hours=hour):
        newest -= DAY
    oldest = newest - (CATCH_UP_DAYS - 1) * DAY
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        accounts = await store.accounts(tx.driver)
        runs = await reports.daily_runs(tx.driver, oldest - DAY)
    due = [
        Due(account.id, oldest + back * DAY)
        for back in range(CATCH_UP_DAYS)
        for account in accounts
        # Nothing was paid before there was an account.
        if account.enabled
        and payments.plugins.settles(account.id) is not None
        and account.created_at < oldest + back * DAY
    ]
    return due, runs


async def _hour(payments: Payments, tenant: TenantRef) -> int | None:
    settings = await payments.tenants.settings(tenant.id)
    return None if settings is None else settings.reconcile_hour
