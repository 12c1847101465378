"""Writes down what happened and which webhooks are due, in the transaction that did it."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from guildbank.kernel import new_id
from guildbank_sandbox.server.database import Session
from guildbank_sandbox.server.records import (
    Dispute,
    Payment,
    PaymentState,
    Payout,
    Refund,
    WebhookMode,
)
from guildbank_sandbox.server.views import dispute_view, payment_view, payout_view, refund_view


class Kind(StrEnum):
    """The types of event a merchant may receive."""

    PAYMENT_PENDING = "payment.pending"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_DECLINED = "payment.declined"
    PAYMENT_CANCELED = "payment.canceled"
    REFUND_UPDATED = "refund.updated"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_FUNDS_WITHDRAWN = "dispute.funds_withdrawn"
    DISPUTE_FUNDS_REINSTATED = "dispute.funds_reinstated"
    DISPUTE_CLOSED = "dispute.closed"
    PAYOUT_PENDING = "payout.pending"
    PAYOUT_PAID = "payout.paid"
    PAYOUT_FAILED = "payout.failed"
    PAYOUT_RETURNED = "payout.returned"


_KIND_OF_STATE = {
    PaymentState.OPEN: Kind.PAYMENT_PENDING,
    PaymentState.CONFIRMING: Kind.PAYMENT_PENDING,
    PaymentState.PROCESSING: Kind.PAYMENT_PENDING,
    PaymentState.CAPTURED: Kind.PAYMENT_CAPTURED,
    PaymentState.DECLINED: Kind.PAYMENT_DECLINED,
    PaymentState.CANCELED: Kind.PAYMENT_CANCELED,
}


def delays_ms(mode: WebhookMode, kind: Kind, late_ms: int) -> tuple[int, ...]:
    """Return after how many milliseconds copies of an event are sent: one entry a copy."""
    if mode is WebhookMode.SILENT:
        return ()
    if mode is WebhookMode.REORDERED and kind is Kind.PAYMENT_PENDING:
        return (late_ms,)
    if kind is Kind.PAYMENT_CAPTURED:
        if mode is WebhookMode.DUPLICATE:
            return (0, late_ms // 10, late_ms // 5)
        if mode is WebhookMode.LATE:
            return (late_ms,)
    return (0,)


def payment_changed(s: Session, payment: Payment) -> None:
    """Record the payment's new state."""
    _record(s, payment, _KIND_OF_STATE[payment.state], {})


def refund_changed(s: Session, payment: Payment, refund: Refund) -> None:
    """Record a refund's new state."""
    _record(s, payment, Kind.REFUND_UPDATED, {"refund": refund_view(refund)})


def dispute_changed(s: Session, payment: Payment, dispute: Dispute, kind: Kind) -> None:
    """Record a step of a dispute."""
    _record(s, payment, kind, {"dispute": dispute_view(dispute)})


def payout_changed(s: Session, payout: Payout) -> None:
    """Record a payout's new state."""
    kind = Kind(f"payout.{payout.state}")
    subject = Subject(payout.account_id, payout.webhook_url, payout_id=payout.id)
    _write(s, subject, kind, {"payout": payout_view(payout)}, (0,))


class Subject(NamedTuple):
    """Whose event it is, where it goes, and what it is about."""

    account_id: str
    webhook_url: str | None
    payment_id: str | None = None
    payout_id: str | None = None


def _record(s: Session, payment: Payment, kind: Kind, objects: dict[str, object]) -> None:
    data = {"payment": payment_view(payment, s.config.public_url), **objects}
    subject = Subject(payment.account_id, payment.webhook_url, payment_id=payment.id)
    _write(s, subject, kind, data, delays_ms(payment.webhook_mode, kind, s.config.late_ms))


def _write(
    s: Session, subject: Subject, kind: Kind, data: dict[str, object], delays: tuple[int, ...]
) -> None:
    event_id = new_id("evt")
    body = msgspec.json.encode(
        {
            "id": event_id,
            "type": kind,
            "created": s.now_ms // 1000,
            "account": subject.account_id,
            "data": data,
        }
    )
    s.tx.execute(
        "INSERT INTO event (id, payment_id, payout_id, kind, body, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (event_id, subject.payment_id, subject.payout_id, kind, body, s.now_ms),
    )
    if subject.webhook_url is None:
        return
    for delay in delays:
        s.tx.execute(
            "INSERT INTO delivery (event_id, state, tries, due_ms) VALUES (?, 'waiting', 0, ?)",
            (event_id, s.now_ms + delay),
        )
