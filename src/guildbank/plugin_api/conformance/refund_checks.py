"""Checks of giving money back: once for each key, and never more than was taken."""

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.payment_checks import NO_BOOKS, fault_in_not_found
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import Outcome, OutcomeStatus, PaymentRequest, RefundRequest

_ACCEPTED = (OutcomeStatus.PROCESSED, OutcomeStatus.PENDING)
_GIVES_NOTHING_BACK = NotRun("the manifest does not name the capability refund")


async def a_part_is_refunded(stage: Stage) -> Verdict:
    """A refund, of a part where the manifest says so, gives back what was asked for."""
    if not _gives_back(stage):
        return _GIVES_NOTHING_BACK
    request = await _part_of_a_payment(stage)
    return _fault(await stage.provider.refund(stage.context, request), request)


async def the_same_refund_key_pays_once(stage: Stage) -> Verdict:
    """The same request sent twice is one refund, and what is left is still there to be refunded."""
    if not _gives_back(stage):
        return _GIVES_NOTHING_BACK
    payment, reference = await _payment(stage)
    request = stage.refund(payment, reference, stage.part_of(payment.amount_minor))
    first = await stage.provider.refund(stage.context, request)
    second = await stage.provider.refund(stage.context, request)
    if first.reference is None or first.reference != second.reference:
        return f"two refunds for one key: {first.reference} and {second.reference}"
    if request.amount_minor == payment.amount_minor:
        return _fault(second, request)
    rest = stage.refund(payment, reference, payment.amount_minor - request.amount_minor)
    fault = _fault(await stage.provider.refund(stage.context, rest), rest)
    return fault and f"the rest is not refundable: {fault}"


async def a_refund_is_found_with_and_without_its_reference(stage: Stage) -> Verdict:
    """A refund is found by the provider's reference and, without one, by ours."""
    if not _gives_back(stage):
        return _GIVES_NOTHING_BACK
    if not stage.rehearsal.keeps_books:
        return NO_BOOKS
    request = await _part_of_a_payment(stage)
    made = await stage.provider.refund(stage.context, request)
    for reference in (made.reference, None):
        found = await stage.provider.fetch_refund(stage.context, request, reference)
        fault = _fault(found, request)
        if fault:
            return f"fetched with reference {reference}: {fault}"
        if found.reference != made.reference:
            return f"made {made.reference}, found {found.reference}"
    return None


async def an_unknown_refund_was_never_there(stage: Stage) -> Verdict:
    """A refund that the provider certainly never got is `canceled` with code `not_found`."""
    if not _gives_back(stage):
        return _GIVES_NOTHING_BACK
    request = await _part_of_a_payment(stage)
    return fault_in_not_found(await stage.provider.fetch_refund(stage.later, request, None))


async def no_more_is_refunded_than_was_captured(stage: Stage) -> Verdict:
    """More than the payment, and anything after the whole of it, is declined."""
    if not _gives_back(stage):
        return _GIVES_NOTHING_BACK
    if not stage.rehearsal.keeps_books:
        return NO_BOOKS
    payment, reference = await _payment(stage)
    for amount_minor, expected in (
        (payment.amount_minor * 2, (OutcomeStatus.DECLINED,)),
        (payment.amount_minor, _ACCEPTED),
        (payment.amount_minor // 3, (OutcomeStatus.DECLINED,)),
    ):
        request = stage.refund(payment, reference, amount_minor)
        outcome = await stage.provider.refund(stage.context, request)
        if outcome.status not in expected:
            return f"{amount_minor} of {payment.amount_minor} captured: got {outcome!r}"
    return None


def _gives_back(stage: Stage) -> bool:
    """Say whether the provider refunds at all: a store may do so by itself, and nobody else."""
    return "refund" in stage.manifest.capabilities or not stage.manifest.sold_by_store


async def _payment(stage: Stage) -> tuple[PaymentRequest, str | None]:
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    return request, made.reference


async def _part_of_a_payment(stage: Stage) -> RefundRequest:
    payment, reference = await _payment(stage)
    return stage.refund(payment, reference, stage.part_of(payment.amount_minor))


def _fault(outcome: Outcome, request: RefundRequest) -> str | None:
    """Say what is wrong with an accepted refund; a bank may still be at work on it."""
    if outcome.status is OutcomeStatus.PENDING:
        return None if outcome.reference else "pending without the provider's reference"
    return fault_in_money(outcome, request.amount_minor, request.currency)


CHECKS: tuple[CheckFunction, ...] = (
    a_part_is_refunded,
    the_same_refund_key_pays_once,
    a_refund_is_found_with_and_without_its_reference,
    an_unknown_refund_was_never_there,
    no_more_is_refunded_than_was_captured,
)
