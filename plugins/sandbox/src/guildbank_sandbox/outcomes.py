"""Translates the provider's answers to outcomes. What is not understood is never a success."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from guildbank.plugin_api import Decline, NextAction, Outcome, OutcomeStatus
from guildbank_sandbox.client import SandboxUnreachable
from guildbank_sandbox.wire import ErrorBody, PaymentObject, RefundObject

ObjectT = TypeVar("ObjectT")

NEVER_HAPPENED = frozenset(
    {
        "invalid_request",
        "unknown_method",
        "unknown_currency",
        "bad_return_url",
        "bad_webhook_url",
    }
)
"""Mistakes in the request, found only after its key was looked up: no earlier try got through."""

DECLINES: Mapping[str, Decline] = {
    "card_declined": Decline.DECLINED,
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "suspected_fraud": Decline.FRAUD_SUSPECTED,
    "unavailable": Decline.PROVIDER_UNAVAILABLE,
    "confirmation_refused": Decline.AUTHENTICATION_FAILED,
    "canceled_by_customer": Decline.CANCELED_BY_PLAYER,
    "checkout_expired": Decline.EXPIRED,
    "invalid_request": Decline.INVALID_REQUEST,
    "bad_return_url": Decline.INVALID_REQUEST,
    "bad_webhook_url": Decline.INVALID_REQUEST,
    "unknown_method": Decline.METHOD_NOT_SUPPORTED,
    "unknown_currency": Decline.CURRENCY_NOT_SUPPORTED,
}
"""The sandbox's words for a decline, in the vocabulary of all providers."""

SAID_NO = frozenset({"not_captured", "exceeds_refundable", "currency_mismatch"})
"""The provider's decision, not a mistake in the request."""


def of_payment(payment: PaymentObject) -> Outcome:
    """Say how a payment stands."""
    match payment.state:
        case "captured":
            return Outcome(
                status=OutcomeStatus.PROCESSED,
                reference=payment.id,
                amount_minor=payment.captured_minor,
                currency=payment.captured_currency,
            )
        case "open" | "confirming":
            action = NextAction(kind="redirect", url=payment.checkout_url)
            return Outcome(status=OutcomeStatus.PENDING, reference=payment.id, next_action=action)
        case "processing":
            return Outcome(status=OutcomeStatus.PENDING, reference=payment.id)
        case "declined":
            return _no_money(OutcomeStatus.DECLINED, payment.id, payment.code)
        case "canceled":
            return _no_money(OutcomeStatus.CANCELED, payment.id, payment.code)
    return _unknown(payment.id, payment.state)


def of_refund(refund: RefundObject) -> Outcome:
    """Say how a refund stands; only a processed one has moved its amount."""
    match refund.state:
        case "succeeded":
            return Outcome(
                status=OutcomeStatus.PROCESSED,
                reference=refund.id,
                amount_minor=refund.amount_minor,
                currency=refund.currency,
            )
        case "pending":
            return Outcome(status=OutcomeStatus.PENDING, reference=refund.id)
        case "failed":
            return Outcome(status=OutcomeStatus.DECLINED, reference=refund.id, code=refund.code)
    return _unknown(refund.id, refund.state)


def of_created(answer: ObjectT | ErrorBody, render: Callable[[ObjectT], Outcome]) -> Outcome:
    """Say what became of a request that should have begun something."""
    if not isinstance(answer, ErrorBody):
        return render(answer)
    # Any other refusal, of a key or a reference, leaves open what an earlier try did.
    status = OutcomeStatus.UNKNOWN
    if answer.code in SAID_NO:
        status = OutcomeStatus.DECLINED
    elif answer.code in NEVER_HAPPENED:
        status = OutcomeStatus.CANCELED
    decline = DECLINES.get(answer.code)
    return Outcome(status=status, code=answer.code, message=answer.message, decline=decline)


def of_found(answer: ObjectT | ErrorBody, render: Callable[[ObjectT], Outcome]) -> Outcome:
    """Say how something stands that was asked for by the provider's id.

    A refused question says nothing of the payment, so all but `not_found` raises.
    """
    if not isinstance(answer, ErrorBody):
        return render(answer)
    if answer.code == "not_found":
        return not_found()
    raise SandboxUnreachable(answer.code)


def not_found() -> Outcome:
    """Say that the provider never gave this id."""
    return Outcome(
        status=OutcomeStatus.CANCELED,
        code="not_found",
        message="The provider has no such id.",
        decline=Decline.NEVER_ARRIVED,
    )


def _no_money(status: OutcomeStatus, reference: str, code: str | None) -> Outcome:
    decline = DECLINES.get(code or "")
    return Outcome(status=status, reference=reference, code=code, decline=decline)


def _unknown(reference: str, state: str) -> Outcome:
    return Outcome(
        status=OutcomeStatus.UNKNOWN,
        reference=reference,
        code="unknown_state",
        message=f"The provider reports the state {state[:40]!r}.",
    )
