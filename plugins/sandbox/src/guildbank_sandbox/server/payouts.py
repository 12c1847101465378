"""Money out to where a merchant's customers want it, as the account's first word says."""

import sqlite3
from typing import Annotated, Literal

import msgspec

from guildbank.kernel import Refusal, new_id
from guildbank_sandbox.places import SILENT, Place, place_of
from guildbank_sandbox.server import events, payments
from guildbank_sandbox.server.database import Session, fetch_all, fetch_one, insert
from guildbank_sandbox.server.payments import Amount, CurrencyCode, Reference
from guildbank_sandbox.server.records import Account, Payout, PayoutState

PLAYED = {
    Place.INSTANT: (PayoutState.PAID, None),
    Place.LOST: (PayoutState.PAID, None),
    Place.RETURNED: (PayoutState.PAID, None),
    Place.PENDING: (PayoutState.PENDING, None),
    Place.DECLINED: (PayoutState.FAILED, "account_closed"),
    Place.LATER: (PayoutState.PENDING, None),
    Place.FAILS: (PayoutState.PENDING, None),
    Place.BOUNCES: (PayoutState.PAID, None),
}
LATER = {
    Place.LATER: PayoutState.PAID,
    Place.FAILS: PayoutState.FAILED,
    Place.BOUNCES: PayoutState.RETURNED,
}
"""What becomes of a payout by itself, a while later."""


class CreatePayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/payouts."""

    reference: Reference
    amount_minor: Amount
    currency: CurrencyCode
    account: Annotated[str, msgspec.Meta(max_length=100)]
    webhook_url: payments.Address | None = None


class SettlePayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/payouts/{id}/settle: what the bank says."""

    outcome: Literal["paid", "failed", "returned"]


def create(s: Session, account: Account, body: CreatePayout) -> Payout | Refusal:
    """Pay, or begin to. Refuses `invalid_request`, `bad_webhook_url` and `reference_taken`."""
    place = place_of(body.account)
    if place is None:
        detail = f"There is no account {body.account!r} here."
        return Refusal(code="invalid_request", detail=detail, field="account")
    if body.webhook_url is not None and not payments.may_deliver(body.webhook_url, s):
        return payments.BAD_WEBHOOK_URL
    if by_reference(s.tx, account, body.reference) is not None:
        return Refusal(
            code="reference_taken",
            detail="A payout with this reference exists; look it up instead of paying again.",
            field="reference",
        )
    state, code = PLAYED[place]
    made = Payout(
        id=new_id("spyo"),
        account_id=account.id,
        reference=body.reference,
        amount_minor=body.amount_minor,
        currency=body.currency,
        to_account=body.account,
        state=state,
        code=code,
        created_ms=s.now_ms,
        webhook_url=None if place in SILENT else body.webhook_url,
        due_ms=s.now_ms + s.config.late_ms if place in LATER else None,
        paid_ms=s.now_ms if state is PayoutState.PAID else None,
        returned_ms=None,
    )
    insert(s.tx, "payout", made)
    events.payout_changed(s, made)
    return made


def settle_due(s: Session) -> None:
    """Let what waits for its time become what its account says."""
    sql = "SELECT * FROM payout WHERE due_ms <= ? ORDER BY due_ms, id LIMIT 500"
    for payout in fetch_all(s.tx, Payout, sql, (s.now_ms,)):
        place = place_of(payout.to_account)
        if place in LATER:
            _moved(s, payout, LATER[place])


def settle(s: Session, payout: Payout, outcome: str) -> Payout | Refusal:
    """Let the bank say how a payout ends. Refuses `payout_finished`."""
    wanted = PayoutState(outcome)
    from_paid = wanted is PayoutState.RETURNED
    if payout.state is not (PayoutState.PAID if from_paid else PayoutState.PENDING):
        return Refusal(code="payout_finished", detail=f"This payout is {payout.state}.")
    return _moved(s, payout, wanted)


def looked_at(s: Session, payout: Payout) -> Payout:
    """Return a payout to who asks for it; money that comes back has come back by then."""
    if payout.state is PayoutState.PAID and place_of(payout.to_account) is Place.RETURNED:
        return _moved(s, payout, PayoutState.RETURNED)
    return payout


def of_account(tx: sqlite3.Connection, account: Account, payout_id: str) -> Payout | Refusal:
    """Return a payout of this account. Refuses `not_found`."""
    found = fetch_one(tx, Payout, "SELECT * FROM payout WHERE id = ?", (payout_id,))
    if found is None or found.account_id != account.id:
        return Refusal(code="not_found", detail="This account has no such payout.")
    return found


def by_reference(tx: sqlite3.Connection, account: Account, reference: str) -> Payout | None:
    """Return the account's payout with the merchant's own reference."""
    sql = "SELECT * FROM payout WHERE account_id = ? AND reference = ?"
    return fetch_one(tx, Payout, sql, (account.id, reference))


def _moved(s: Session, payout: Payout, state: PayoutState) -> Payout:
    moved = msgspec.structs.replace(
        payout,
        state=state,
        code="refused_by_bank" if state is PayoutState.FAILED else None,
        due_ms=None,
        paid_ms=s.now_ms if state is PayoutState.PAID else payout.paid_ms,
        returned_ms=s.now_ms if state is PayoutState.RETURNED else payout.returned_ms,
    )
    s.tx.execute(
        "UPDATE payout SET state = ?, code = ?, due_ms = ?, paid_ms = ?, returned_ms = ?"
        " WHERE id = ?",
        (moved.state, moved.code, moved.due_ms, moved.paid_ms, moved.returned_ms, moved.id),
    )
    events.payout_changed(s, moved)
    return moved
