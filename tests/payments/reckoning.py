"""Reconciliations as tests begin them and see them through."""

from datetime import datetime, timedelta

from tests.payments.shop import Shop
from tests.payments.turns import turn

from guildbank.kernel import Refusal, new_id
from guildbank.payments import reports
from guildbank.payments.contracts.reports import Line, Reconciliation
from guildbank.payments.usecases.read_reconciliations import read_lines
from guildbank.payments.usecases.reconcile import Period, reconcile, start_reconciliation


async def begun(
    shop: Shop, key: str | None = None, provider: str = "scripted", **period: datetime
) -> Reconciliation:
    """Begin a run over the last 30 days."""
    now = shop.clock.now()
    wanted = Period(
        provider, period.get("since", now - timedelta(days=30)), period.get("until", now)
    )
    run = await start_reconciliation(
        shop.payments, shop.tenant, "app", key or new_id("key"), wanted
    )
    assert not isinstance(run, Refusal), run
    return run


async def reconciled(shop: Shop, provider: str = "scripted") -> list[Line]:
    """Reconcile what the provider reports; return the lines with what came of them."""
    run = await begun(shop, provider=provider)
    await worked(shop)
    return await lines_of(shop, run)


async def worked(shop: Shop) -> None:
    """Let a worker's turns go by until no run is open."""
    for _ in range(10):
        if not await turn(reconcile, shop.payments, shop.tenant):
            break


async def lines_of(shop: Shop, run: Reconciliation) -> list[Line]:
    """Return the lines of a run."""
    found = await read_lines(shop.payments, shop.tenant, run.id, None, 0, 200)
    assert not isinstance(found, Refusal)
    return found


async def runs_of(shop: Shop) -> list[Reconciliation]:
    """Return all runs, the newest first."""
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        return await reports.runs(tx.driver, None, 200)
