"""Orders as outcomes: what is certain about money, read from an order and its one capture."""

from guildbank.plugin_api import NextAction, Outcome, OutcomeStatus
from guildbank_paypal.amounts import from_paypal
from guildbank_paypal.declines import decline_of
from guildbank_paypal.marks import CANCELED, read_mark
from guildbank_paypal.objects import Capture, Order
from guildbank_paypal.processors import row_of

_PAID = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_REFUSED = frozenset({"DECLINED", "FAILED"})
_WITH_THE_PLAYER = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED"})
_PAGES = ("payer-action", "approve")


def outcome_of(order: Order) -> Outcome:
    """Return what is certain about an order.

    Its capture comes first, for that is where money is; then what we wrote on it; then its status.
    """
    if order.capture is not None:
        return _of_capture(order, order.capture)
    mark = read_mark(order.custom_id)
    if mark.ended is not None:
        if mark.ended == CANCELED:
            return Outcome(status=OutcomeStatus.CANCELED, reference=order.id, code=CANCELED)
        return declined(mark.code or mark.ended, reference=order.id)
    if order.status == "VOIDED":
        return Outcome(status=OutcomeStatus.CANCELED, reference=order.id, code="voided")
    if order.status in _WITH_THE_PLAYER:
        return Outcome(
            status=OutcomeStatus.PENDING, reference=order.id, next_action=_next_action(order)
        )
    if order.status == "APPROVED":
        return Outcome(
            status=OutcomeStatus.PENDING, reference=order.id, code="approved", approved=True
        )
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=order.id, code=order.status[:60])


def declined(code: str, message: str | None = None, *, reference: str | None = None) -> Outcome:
    """Return a decline with PayPal's word and what it means in the words of all providers."""
    return Outcome(
        status=OutcomeStatus.DECLINED,
        reference=reference,
        code=code,
        message=message,
        decline=decline_of(code),
    )


def _of_capture(order: Order, capture: Capture) -> Outcome:
    reason = capture.status_details and capture.status_details.reason
    if capture.status in _PAID:
        currency = capture.amount.currency_code
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=order.id,
            amount_minor=from_paypal(capture.amount.value, currency),
            currency=currency,
        )
    if capture.status == "PENDING":
        return Outcome(
            status=OutcomeStatus.PENDING, reference=order.id, code=reason or "capture_pending"
        )
    if capture.status in _REFUSED:
        processor = capture.processor_response and row_of(capture.processor_response.response_code)
        if processor:
            return Outcome(
                status=OutcomeStatus.DECLINED,
                reference=order.id,
                code=processor.word,
                decline=processor.decline,
            )
        return declined(reason or capture.status, reference=order.id)
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=order.id, code=capture.status[:60])


def _next_action(order: Order) -> NextAction | None:
    for link in order.links:
        if link.rel in _PAGES:
            return NextAction(kind="redirect", url=link.href)
    return None
