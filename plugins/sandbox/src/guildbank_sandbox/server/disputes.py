"""Chargebacks: opened by a cardholder, paid by the merchant until they are won."""

import sqlite3
from typing import Annotated

import msgspec

from guildbank.kernel import Refusal, new_id
from guildbank_sandbox.server import events, payments
from guildbank_sandbox.server.database import Session, fetch_all, fetch_one, insert
from guildbank_sandbox.server.events import Kind
from guildbank_sandbox.server.payments import Amount
from guildbank_sandbox.server.records import (
    Account,
    Dispute,
    DisputeState,
    Payment,
    PaymentState,
)


class OpenDispute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/disputes. Without an amount, all that is left of the payment."""

    payment: Annotated[str, msgspec.Meta(max_length=100)]
    amount_minor: Amount | None = None
    reason: Annotated[str, msgspec.Meta(max_length=100)] = "fraudulent"
    withdraw: bool = True


def open_dispute(s: Session, account: Account, body: OpenDispute) -> Dispute | Refusal:
    """Open a dispute and, unless told otherwise, take the money at once as card schemes do.

    Refuses `not_found`, `not_captured` and `exceeds_disputable`.
    """
    payment = payments.of_account(s.tx, account, body.payment)
    if isinstance(payment, Refusal):
        return payment
    if payment.state is not PaymentState.CAPTURED:
        return Refusal(code="not_captured", detail=f"This payment is {payment.state}.")
    left = payment.left_minor - _claimed(s.tx, payment.id)
    amount = left if body.amount_minor is None else body.amount_minor
    if not 0 < amount <= left:
        return Refusal(
            code="exceeds_disputable",
            detail=f"Only {left} of this payment can still be disputed.",
            field="amount_minor",
        )
    dispute = Dispute(
        id=new_id("sdis"),
        account_id=account.id,
        payment_id=payment.id,
        amount_minor=amount,
        currency=payment.captured_currency,
        reason=body.reason,
        state=DisputeState.OPEN,
        withdrawn=False,
        created_ms=s.now_ms,
    )
    insert(s.tx, "dispute", dispute)
    events.dispute_changed(s, payment, dispute, Kind.DISPUTE_OPENED)
    return withdraw(s, dispute) if body.withdraw else dispute


def withdraw(s: Session, dispute: Dispute) -> Dispute | Refusal:
    """Take the disputed money from the merchant. Refuses `dispute_closed`, `exceeds_disputable`."""
    if dispute.state is not DisputeState.OPEN:
        return _closed(dispute)
    if dispute.withdrawn:
        return dispute
    payment = _payment(s, dispute)
    if dispute.amount_minor > payment.left_minor:
        return Refusal(code="exceeds_disputable", detail="The money was refunded in the meantime.")
    payment = payments.add_totals(s, payment, disputed=dispute.amount_minor)
    return _record(s, payment, dispute, Kind.DISPUTE_FUNDS_WITHDRAWN, withdrawn=True)


def close(s: Session, dispute: Dispute, *, won: bool) -> Dispute | Refusal:
    """Decide a dispute: won gives withdrawn money back, lost takes it if it was not taken yet.

    Refuses `dispute_closed` and `exceeds_disputable`.
    """
    if dispute.state is not DisputeState.OPEN:
        return _closed(dispute)
    if not won:
        taken = withdraw(s, dispute)
        if isinstance(taken, Refusal):
            return taken
        return _record(s, _payment(s, taken), taken, Kind.DISPUTE_CLOSED, state=DisputeState.LOST)
    if dispute.withdrawn:
        payment = payments.add_totals(s, _payment(s, dispute), disputed=-dispute.amount_minor)
        dispute = _record(s, payment, dispute, Kind.DISPUTE_FUNDS_REINSTATED, withdrawn=False)
    return _record(s, _payment(s, dispute), dispute, Kind.DISPUTE_CLOSED, state=DisputeState.WON)


def of_account(tx: sqlite3.Connection, account: Account, dispute_id: str) -> Dispute | Refusal:
    """Return a dispute of this account. Refuses `not_found`."""
    dispute = fetch_one(tx, Dispute, "SELECT * FROM dispute WHERE id = ?", (dispute_id,))
    if dispute is None or dispute.account_id != account.id:
        return Refusal(code="not_found", detail="This account has no such dispute.")
    return dispute


def of_payment(tx: sqlite3.Connection, payment_id: str) -> list[Dispute]:
    """Return the disputes of a payment, oldest first."""
    sql = "SELECT * FROM dispute WHERE payment_id = ? ORDER BY id LIMIT 200"
    return fetch_all(tx, Dispute, sql, (payment_id,))


def _claimed(tx: sqlite3.Connection, payment_id: str) -> int:
    """Return what open disputes claim and have not taken yet, in minor units."""
    sql = (
        "SELECT coalesce(sum(amount_minor), 0) FROM dispute"
        " WHERE payment_id = ? AND state = 'open' AND NOT withdrawn"
    )
    claimed: int = tx.execute(sql, (payment_id,)).fetchone()[0]
    return claimed


def _record(
    s: Session,
    payment: Payment,
    dispute: Dispute,
    kind: Kind,
    *,
    state: DisputeState | None = None,
    withdrawn: bool | None = None,
) -> Dispute:
    changed = msgspec.structs.replace(
        dispute,
        state=dispute.state if state is None else state,
        withdrawn=dispute.withdrawn if withdrawn is None else withdrawn,
    )
    s.tx.execute(
        "UPDATE dispute SET state = ?, withdrawn = ? WHERE id = ?",
        (changed.state, changed.withdrawn, changed.id),
    )
    events.dispute_changed(s, payment, changed, kind)
    return changed


def _payment(s: Session, dispute: Dispute) -> Payment:
    payment = payments.by_id(s.tx, dispute.payment_id)
    assert payment is not None
    return payment


def _closed(dispute: Dispute) -> Refusal:
    return Refusal(code="dispute_closed", detail=f"This dispute is already {dispute.state}.")
