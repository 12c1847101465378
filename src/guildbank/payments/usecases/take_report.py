"""Take a report that somebody brings in a file, for a provider that cannot be asked for one.

Lines are kept page by page and matched once all are there, so that whoever dies in between brings
the same file again, and it goes on.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import reports
from guildbank.payments.contracts.reports import Origin, Reconciliation, ReconciliationState
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_to
from guildbank.payments.usecases.reconcile import Period, begin_run
from guildbank.plugin_api import MAX_SETTLEMENTS, Settlement


async def take_report(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str,
    period: Period,
    lines: Iterator[Settlement],
) -> Reconciliation | Refusal:
    """Keep the lines as a run of their own, once for a key; a job holds them against the books.

    `lines` were checked before; they are read here a second time, and not at all where the key's
    run has them. Refusals: `unknown_provider`, `sandbox_refused`, `provider_resting`, `bad_period`,
    those of the journal.
    """
    line = await line_to(payments, tenant, period.provider)
    if isinstance(line, Refusal):
        return line
    run = await begin_run(payments, tenant, principal, key, period, Origin.FILE)
    if isinstance(run, Refusal):
        return run
    while run.state is ReconciliationState.READING:
        page = list(islice(lines, MAX_SETTLEMENTS))
        over = len(page) < MAX_SETTLEMENTS
        run = await _keep(payments, tenant, run.id, page, over=over)
    return run


async def _keep(
    payments: Payments, tenant: TenantRef, run_id: str, page: list[Settlement], *, over: bool
) -> Reconciliation:
    """Add a page; the last one lets matching begin. A run that another finished stays as it is."""
    async with payments.db.begin(tenant.schema) as tx:
        run = await reports.lock_run(tx.driver, run_id)
        if run.state is not ReconciliationState.READING:
            return run
        await reports.add_lines(tx.driver, run_id, page)
        if over:
            run = msgspec.structs.replace(run, state=ReconciliationState.MATCHING)
            await reports.move_run(tx.driver, run, payments.clock.now())
        return run
