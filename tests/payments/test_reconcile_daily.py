"""Each day is reconciled once with each provider that reports, and a missed one is told of."""

import asyncio
from datetime import datetime, timedelta

from tests.payments.reckoning import lines_of, runs_of, worked
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.payments.contracts.reports import Reconciliation
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.reconcile_daily import begin_days, watch_days
from guildbank.plugin_api import Settlement, SettlementKind
from guildbank.tenancy import TenantSettings, change_tenant

DAY = timedelta(days=1)


def at(shop: Shop, hour: int, minute: int = 0, days: int = 0) -> None:
    """Turn the shop's clock to an hour of the day after `days` more."""
    now = shop.clock.now()
    wanted = now.replace(hour=hour, minute=minute, second=0, microsecond=0) + days * DAY
    shop.clock.by += wanted - now


def days_of(runs: list[Reconciliation]) -> list[datetime]:
    return sorted(one.since for one in runs)


def midnight(shop: Shop) -> datetime:
    return shop.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def capture(intent: Intent, moment: datetime) -> Settlement:
    return Settlement(
        transaction=f"txn_{intent.id}", kind=SettlementKind.CAPTURE, at=moment, currency="EUR",
        gross_minor=499, fee_minor=20, net_minor=479, reference=f"pi_{intent.attempt_id}",
    )  # fmt: skip


async def test_the_day_before_is_reconciled_at_the_tenants_hour_and_not_before(shop: Shop):
    at(shop, hour=5, minute=59, days=1)
    await begin_days(shop.payments, shop.tenant)
    before = len(await runs_of(shop))
    at(shop, hour=6)
    assert await begin_days(shop.payments, shop.tenant) == 1
    newest = (await runs_of(shop))[0]
    assert len(await runs_of(shop)) == before + 1
    assert (newest.origin, newest.provider) == ("daily", "scripted")
    assert (newest.since, newest.until) == (midnight(shop) - DAY, midnight(shop))


async def test_workers_that_race_and_turns_that_follow_begin_a_day_once(shop: Shop):
    at(shop, hour=7, days=1)
    await asyncio.gather(*(begin_days(shop.payments, shop.tenant) for _ in range(4)))
    assert await begin_days(shop.payments, shop.tenant) == 0
    days = days_of(await runs_of(shop))
    assert len(days) == len(set(days)) == 1


async def test_days_that_no_worker_was_there_for_are_begun_later_and_no_more_than_a_week(
    shop: Shop,
):
    at(shop, hour=7, days=1)
    await begin_days(shop.payments, shop.tenant)
    at(shop, hour=7, days=3)
    assert await begin_days(shop.payments, shop.tenant) == 3
    at(shop, hour=7, days=30)
    assert await begin_days(shop.payments, shop.tenant) == 7


async def test_a_tenant_that_wants_none_has_none(shop: Shop):
    await hour(shop, None)
    at(shop, hour=12, days=2)
    assert await begin_days(shop.payments, shop.tenant) == 0
    await hour(shop, 12)
    assert await begin_days(shop.payments, shop.tenant) == 2


async def test_a_provider_that_was_switched_off_is_left_alone(shop: Shop):
    made = await configure_provider(shop.payments, shop.tenant, "scripted", {}, enabled=False)
    assert not isinstance(made, Refusal), made
    at(shop, hour=12, days=1)
    assert await begin_days(shop.payments, shop.tenant) == 0
    assert not await watch_days(shop.payments, shop.house.identity, shop.tenant)


async def hour(shop: Shop, wanted: int | None) -> None:
    """Change the tenant's hour."""
    settings = TenantSettings(reconcile_hour=wanted)
    changed = await change_tenant(shop.house.tenancy, shop.tenant.slug, lambda _: settings)
    assert not isinstance(changed, Refusal), changed


async def test_a_capture_that_no_report_has_is_found_by_the_run_of_three_days_later(shop: Shop):
    told = await shop.buy(await shop.player())
    untold = await shop.buy(await shop.player())
    shop.script.settled = [capture(told, shop.clock.now())]
    for _ in range(4):
        at(shop, hour=7, days=1)
        await begin_days(shop.payments, shop.tenant)
        await worked(shop)
    runs = sorted(await runs_of(shop), key=lambda run: run.since)
    states = [[line.state for line in await lines_of(shop, run)] for run in runs]
    assert states[0][0] == "matched"
    assert [len(one) for one in states[1:3]] == [1, 1]
    absent = [line for line in await lines_of(shop, runs[3]) if line.state == "missing_there"]
    assert [line.payment_id or line.attempt_id for line in absent] == [untold.attempt_id]


async def test_a_day_that_is_not_done_in_time_is_told_once_and_so_is_that_it_is(shop: Shop):
    identity = shop.house.identity
    at(shop, hour=7, days=1)
    assert not await watch_days(shop.payments, identity, shop.tenant)
    at(shop, hour=13)
    assert await watch_days(shop.payments, identity, shop.tenant)
    assert await watch_days(shop.payments, identity, shop.tenant)
    await begin_days(shop.payments, shop.tenant)
    assert await watch_days(shop.payments, identity, shop.tenant)
    await worked(shop)
    assert not await watch_days(shop.payments, identity, shop.tenant)
    kinds = [kind for kind in await shop.kinds() if "reconciliation_" in kind]
    assert kinds == [
        "reconciliation_missed", "reconciliation_started", "reconciliation_caught_up",
    ]  # fmt: skip
