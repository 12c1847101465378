"""Checks of a provider that is polled, for those whose manifest says that they are."""

from datetime import timedelta

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.provider import EventKind, ProviderEvent
from guildbank.plugin_api.report import MAX_REPORTED

CAPABILITY = "reports"
MAX_PAGES = 50
_LONGEST_CURSOR = 255
_NOT_DECLARED = NotRun("the manifest does not name the capability reports")
_NO_REVERSAL = NotRun("the rehearsal cannot let the company give a payment back")
_TAKES_BACK = (
    EventKind.REFUND,
    EventKind.DISPUTE_OPENED,
    EventKind.DISPUTE_FUNDS_WITHDRAWN,
    EventKind.DISPUTE_LOST,
)


async def a_payment_given_back_is_reported(stage: Stage) -> Verdict:
    """What the company gave back is told of, under the payment's reference or ours."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    if stage.rehearsal.reverse is None:
        return _NO_REVERSAL
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    await stage.rehearsal.reverse(stage.context, made)
    told = await _all_events(stage)
    if isinstance(told, str):
        return told
    ours = [
        one
        for one in told[0].values()
        if one.attempt_id == request.attempt_id or one.payment_reference == made.reference
    ]
    if not any(one.kind in _TAKES_BACK for one in ours):
        return f"given back, and told of by {ours!r}"
    return None


async def a_report_goes_on_where_it_was(stage: Stage) -> Verdict:
    """Asked again it tells the same under the same ids, and from its cursor nothing is lost."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    if stage.rehearsal.reverse is None:
        return _NO_REVERSAL
    first = await _all_events(stage)
    if isinstance(first, str):
        return first
    request = stage.payment(stage.rehearsal.pays)
    await stage.rehearsal.reverse(stage.context, await stage.pay(request))
    later, again = await _all_events(stage, first[1]), await _all_events(stage)
    if isinstance(later, str) or isinstance(again, str):
        return later if isinstance(later, str) else str(again)
    if not first[0].keys() <= again[0].keys():
        return "an event was told and is told no more"
    if not again[0].keys() - first[0].keys() <= later[0].keys():
        return "an event that came after the cursor was not told from there on"
    return None


async def _all_events(
    stage: Stage, cursor: str | None = None
) -> tuple[dict[str, ProviderEvent], str] | str:
    """Return events by id and the cursor behind them, or what is wrong with how they are told."""
    since = stage.context.now - timedelta(days=1)
    events: dict[str, ProviderEvent] = {}
    for _ in range(MAX_PAGES):
        page = await stage.provider.report(stage.later, since, cursor)
        if len(page.events) > MAX_REPORTED:
            return f"a page of {len(page.events)} events"
        if not 0 < len(page.cursor) <= _LONGEST_CURSOR:
            return f"a cursor of {len(page.cursor)} characters"
        events |= {one.external_id: one for one in page.events}
        if not page.more:
            return events, page.cursor
        if page.cursor == cursor:
            return "the cursor stands still"
        cursor = page.cursor
    return f"more than {MAX_PAGES} pages for a day"


CHECKS: tuple[CheckFunction, ...] = (
    a_payment_given_back_is_reported,
    a_report_goes_on_where_it_was,
)
