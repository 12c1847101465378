"""Money back to the customer, never more than was captured and is still there."""

import sqlite3
from typing import Annotated

import msgspec

from guildbank.kernel import Refusal, new_id
from guildbank_sandbox.server import events, payments
from guildbank_sandbox.server.database import Session, fetch_all, fetch_one, insert
from guildbank_sandbox.server.methods import METHODS
from guildbank_sandbox.server.payments import Amount, CurrencyCode, Reference
from guildbank_sandbox.server.records import (
    Account,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    RefundSwitch,
)


class CreateRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/refunds. Without `reference` it counts as the provider's own."""

    payment: Annotated[str, msgspec.Meta(max_length=100)]
    amount_minor: Amount
    currency: CurrencyCode
    reference: Reference | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None


def create(s: Session, account: Account, body: CreateRefund) -> Refund | Refusal:
    """Give money back, or begin to, as the account's refund switch says.

    Refuses `not_found`, `not_captured`, `currency_mismatch`, `exceeds_refundable` and
    `reference_taken`.
    """
    payment = payments.of_account(s.tx, account, body.payment)
    if isinstance(payment, Refusal):
        return payment
    refusal = _check(s, account, payment, body)
    if refusal is not None:
        return refusal
    state, code = _outcome(METHODS[payment.method].refunds or account.refund_switch)
    refund = Refund(
        id=new_id("sref"),
        account_id=account.id,
        payment_id=payment.id,
        reference=body.reference,
        amount_minor=body.amount_minor,
        currency=body.currency,
        reason=body.reason,
        state=state,
        code=code,
        created_ms=s.now_ms,
    )
    insert(s.tx, "refund", refund)
    payment = payments.add_totals(
        s,
        payment,
        refunded=refund.amount_minor if state is RefundState.SUCCEEDED else 0,
        refund_pending=refund.amount_minor if state is RefundState.PENDING else 0,
    )
    events.refund_changed(s, payment, refund)
    return refund


def settle(s: Session, refund: Refund, *, succeeded: bool) -> Refund | Refusal:
    """End a pending refund one way or the other. Refuses `refund_finished`."""
    if refund.state is not RefundState.PENDING:
        return Refusal(code="refund_finished", detail=f"This refund has {refund.state}.")
    ended = msgspec.structs.replace(
        refund,
        state=RefundState.SUCCEEDED if succeeded else RefundState.FAILED,
        code=None if succeeded else "refund_failed",
    )
    s.tx.execute(
        "UPDATE refund SET state = ?, code = ? WHERE id = ?", (ended.state, ended.code, ended.id)
    )
    payment = payments.by_id(s.tx, refund.payment_id)
    assert payment is not None
    payment = payments.add_totals(
        s,
        payment,
        refund_pending=-refund.amount_minor,
        refunded=refund.amount_minor if succeeded else 0,
    )
    events.refund_changed(s, payment, ended)
    return ended


def of_account(tx: sqlite3.Connection, account: Account, refund_id: str) -> Refund | Refusal:
    """Return a refund of this account. Refuses `not_found`."""
    refund = fetch_one(tx, Refund, "SELECT * FROM refund WHERE id = ?", (refund_id,))
    if refund is None or refund.account_id != account.id:
        return Refusal(code="not_found", detail="This account has no such refund.")
    return refund


def by_reference(tx: sqlite3.Connection, account: Account, reference: str) -> Refund | None:
    """Return the account's refund with the merchant's own reference."""
    sql = "SELECT * FROM refund WHERE account_id = ? AND reference = ?"
    return fetch_one(tx, Refund, sql, (account.id, reference))


def of_payment(tx: sqlite3.Connection, payment_id: str) -> list[Refund]:
    """Return the refunds of a payment, oldest first."""
    sql = "SELECT * FROM refund WHERE payment_id = ? ORDER BY id LIMIT 200"
    return fetch_all(tx, Refund, sql, (payment_id,))


def _check(s: Session, account: Account, payment: Payment, body: CreateRefund) -> Refusal | None:
    if payment.state is not PaymentState.CAPTURED:
        return Refusal(code="not_captured", detail=f"This payment is {payment.state}.")
    if body.currency != payment.captured_currency:
        return Refusal(
            code="currency_mismatch",
            detail=f"This payment was captured in {payment.captured_currency}.",
            field="currency",
        )
    if body.amount_minor > payment.left_minor:
        return Refusal(
            code="exceeds_refundable",
            detail=f"Only {payment.left_minor} of this payment can still be refunded.",
            field="amount_minor",
        )
    if body.reference and by_reference(s.tx, account, body.reference) is not None:
        return Refusal(
            code="reference_taken",
            detail="A refund with this reference exists; look it up instead of paying again.",
            field="reference",
        )
    return None


def _outcome(switch: RefundSwitch) -> tuple[RefundState, str | None]:
    if switch is RefundSwitch.PENDING:
        return RefundState.PENDING, None
    if switch is RefundSwitch.DECLINE:
        return RefundState.FAILED, "refund_declined"
    return RefundState.SUCCEEDED, None
