"""Read the reports of providers that send no webhooks: each line once, and none lost.

The events of a page and its cursor are kept in one transaction. Whoever dies before it has the page
asked for again; whoever dies after it leaves events in the inbox, where webhooks are swept from.
"""

import asyncio
from functools import partial

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Lane, Turn, in_lanes
from guildbank.kernel import Refusal, new_id
from guildbank.payments import inbox, store
from guildbank.payments.archive import Subject
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.rows import Account
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_to
from guildbank.payments.usecases.handle_webhook import handle_webhook
from guildbank.plugin_api import MAX_REPORTED, ProviderEvent, ReportPage, Reports

log = structlog.get_logger(__name__)
MAX_PAGES = 20
"""What one turn of the job reads of one provider; the rest waits for the next."""


async def read_reports(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Read what is new at each polled provider of the tenant, until the turn is over.

    Returns how many events were new.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        accounts = await store.accounts(tx.driver)
    works: list[Lane] = []
    for account in accounts:
        polled = payments.plugins.polled(account.id)
        if polled is not None:
            works.append((account.id, partial(_read, payments, tenant, account, polled, turn)))
    return await in_lanes(turn, works)


async def _read(
    payments: Payments, tenant: TenantRef, account: Account, polled: Reports, turn: Turn
) -> int:
    """Read pages until there is none, or one that cannot be used: the next turn asks for it.

    Where the turn is over the next one goes on from the cursor; events are swept from the inbox.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        cursor = await inbox.cursor_of(tx.driver, account.id)
    events = 0
    for _ in range(MAX_PAGES):
        page = await _page(payments, tenant, account, polled, cursor)
        if isinstance(page, str):
            async with payments.db.begin(tenant.schema) as tx:
                await inbox.note_problem(tx.driver, account.id, page, payments.clock.now())
            break
        fresh = await _keep(payments, tenant, account.id, page)
        for id_ in fresh:
            if turn.is_over:
                break
            await handle_webhook(payments, tenant, id_)
        events += len(fresh)
        cursor = page.cursor
        if not page.more or turn.is_over:
            break
    return events


async def _page(
    payments: Payments, tenant: TenantRef, account: Account, polled: Reports, cursor: str | None
) -> ReportPage | str:
    """Return a page, or the code of why there is none that can be used."""
    line = await line_to(payments, tenant, account.id)
    if isinstance(line, Refusal):
        return line.code
    line = line.about(payments, tenant, Subject(about=account.id))
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            page = await polled.report(line.context, account.created_at, cursor)
    except Exception as error:  # whatever it raises, the page is asked for again
        log.warning("report_not_read", provider=account.id, error=fault_of(line, error))
        return "no_answer"
    problem = _fault(page, cursor)
    if problem is not None:
        log.error("report_malformed", provider=account.id, problem=problem)
    return problem or page


def _fault(page: ReportPage, cursor: str | None) -> str | None:
    """Return why a page cannot be used, None where it can."""
    if len(page.events) > MAX_REPORTED:
        return "too_many_lines"
    if not storable(page.cursor) or (page.more and page.cursor == cursor):
        return "cursor_stands_still"
    return None if all(map(_is_sound, page.events)) else "malformed_line"


def _is_sound(event: ProviderEvent) -> bool:
    words = [value for value in msgspec.structs.astuple(event) if isinstance(value, str)]
    return all(map(storable, words))


async def _keep(
    payments: Payments, tenant: TenantRef, provider: str, page: ReportPage
) -> list[str]:
    """Keep the events that are new and move the cursor; return them in the page's order."""
    now = payments.clock.now()
    fresh = []
    async with payments.db.begin(tenant.schema) as tx:
        for event in page.events:
            id_ = new_id("whk")
            if await inbox.insert_webhook(tx.driver, id_, provider, event, {}, now):
                fresh.append(id_)
        await inbox.move_cursor(tx.driver, provider, page.cursor, now)
    return fresh
