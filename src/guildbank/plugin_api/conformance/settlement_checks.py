"""Checks of what a provider reports of its money, for those whose manifest says that they do."""

from datetime import timedelta

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.provider import OutcomeStatus
from guildbank.plugin_api.settlement import (
    MAX_SETTLEMENTS,
    Settlement,
    SettlementKind,
)

CAPABILITY = "settlements"
MAX_PAGES = 50
_NOT_DECLARED = NotRun("the manifest does not name the capability settlements")


async def a_capture_is_reported_with_its_fee(stage: Stage) -> Verdict:
    """A capture is a line under its reference or ours; net is gross less the fee."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    lines = await _all_lines(stage)
    if isinstance(lines, str):
        return lines
    ours = [
        line
        for line in lines
        if line.kind is SettlementKind.CAPTURE
        and (line.attempt_id == request.attempt_id or line.reference == made.reference)
    ]
    if len(ours) != 1:
        return f"{len(ours)} lines report one capture"
    line = ours[0]
    if (line.gross_minor, line.currency) != (request.amount_minor, request.currency):
        return f"captured {request.amount_minor} {request.currency}, reported {line!r}"
    return None


async def a_refund_is_reported_where_the_manifest_says_so(stage: Stage) -> Verdict:
    """A refund is a line under its reference or ours, and `report_lines` says that there is one."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    payment = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(payment)
    request = stage.refund(payment, made.reference, payment.amount_minor)
    outcome = await stage.provider.refund(stage.context, request)
    if outcome.status is not OutcomeStatus.PROCESSED:
        return NotRun("a refund is not there at once")
    lines = await _all_lines(stage)
    if isinstance(lines, str):
        return lines
    ours = [
        line
        for line in lines
        if line.kind is SettlementKind.REFUND
        and (line.refund_id == request.refund_id or line.reference == outcome.reference)
    ]
    said = "refund" in stage.manifest.report_lines
    if len(ours) != int(said):
        words = "names" if said else "does not name"
        return f"the manifest {words} refunds in report_lines, and {len(ours)} lines report one"
    return None


async def a_report_is_the_same_when_it_is_read_again(stage: Stage) -> Verdict:
    """Each line has an id of its own that stays, and its amounts add up."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    first, second = await _all_lines(stage), await _all_lines(stage)
    if isinstance(first, str) or isinstance(second, str):
        return first if isinstance(first, str) else str(second)
    ids = [line.transaction for line in first]
    if len(set(ids)) != len(ids):
        return "two lines have one id"
    if not set(ids) <= {line.transaction for line in second}:
        return "a line was there and is gone"
    wrong = [one for one in first if one.net_minor != one.gross_minor - one.fee_minor]
    return f"net is not gross less the fee: {wrong[0]!r}" if wrong else None


async def _all_lines(stage: Stage) -> list[Settlement] | str:
    """Return the lines of the last day, or what is wrong with how they are told."""
    since, until = stage.context.now - timedelta(days=1), stage.context.now + timedelta(hours=1)
    lines: list[Settlement] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await stage.provider.settlements(stage.later, since, until, cursor)
        if len(page.lines) > MAX_SETTLEMENTS:
            return f"a page of {len(page.lines)} lines"
        lines += page.lines
        if page.next is None:
            return lines
        if page.next == cursor:
            return "the cursor stands still"
        cursor = page.next
    return f"more than {MAX_PAGES} pages for a day"


CHECKS: tuple[CheckFunction, ...] = (
    a_capture_is_reported_with_its_fee,
    a_refund_is_reported_where_the_manifest_says_so,
    a_report_is_the_same_when_it_is_read_again,
)
