"""Read reconciliations, and what came of the lines of one."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import reports
from guildbank.payments.contracts.refusals import NO_RECONCILIATION
from guildbank.payments.contracts.reports import Line, LineState, Reconciliation
from guildbank.payments.usecases import Payments

LOOKED_BACK = timedelta(days=7)


class Counted(msgspec.Struct, frozen=True):
    """A run, and how many of its lines are in each state."""

    run: Reconciliation
    counts: Mapping[str, int]


async def list_reconciliations(
    payments: Payments, tenant: TenantRef, before: str | None, limit: int
) -> list[Reconciliation]:
    """Return runs, the newest first."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await reports.runs(tx.driver, before, limit)


async def read_reconciliation(payments: Payments, tenant: TenantRef, id_: str) -> Counted | Refusal:
    """Return a run with its counts. Refusal: `not_found`."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        run = await reports.run_by_id(tx.driver, id_)
        if run is None:
            return NO_RECONCILIATION
        return Counted(run, await reports.counts_of(tx.driver, id_))


async def read_lines(
    payments: Payments, tenant: TenantRef, id_: str, state: LineState | None, after: int, limit: int
) -> list[Line] | Refusal:
    """Return lines of a run in the report's order. Refusal: `not_found`."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if await reports.run_by_id(tx.driver, id_) is None:
            return NO_RECONCILIATION
        return await reports.lines_of(tx.driver, id_, state, after, limit)


async def count_differences(payments: Payments, tenant: TenantRef) -> int:
    """Return how many lines of the last week's reports differ from the books."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await reports.differences(tx.driver, payments.clock.now() - LOOKED_BACK)
