"""Follow disputes: money and coins go when funds are withdrawn, and return when reinstated."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from guildbank.journal import Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import close_book, open_book
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import (
    Attempt,
    Dispute,
    DisputeState,
    EvidenceState,
    Intent,
    Taking,
)
from guildbank.payments.rules import CLOSED_DISPUTES, DISPUTE
from guildbank.payments.store import ATTEMPTS, DISPUTE_REFERENCES, DISPUTES, INTENTS
from guildbank.payments.usecases import provider_principal
from guildbank.payments.usecases.foreign_refund import OTHER_MONEY, TOO_EARLY
from guildbank.payments.usecases.money import (
    MoneyAct,
    Rows,
    let_go,
    read_taking,
    take,
    untake,
    with_taken,
    write_taking,
)
from guildbank.plugin_api import DisputeStand, DisputeStatus, EventKind, ProviderEvent
from guildbank.tenancy import SpentCoins


class Told(NamedTuple):
    """What an event says of a dispute, checked to be complete.

    `stand` is how it stands by the event, or by its provider where that was asked.
    """

    kind: EventKind
    reference: str
    amount_minor: int
    money: str
    reason: str | None
    won: bool | None
    stand: DisputeStand
    event_id: str


def told_by(event: ProviderEvent) -> Told | None:
    """Return what the event says, None when it lacks its dispute or amount."""
    if event.dispute_reference is None or not event.amount_minor or event.currency is None:
        return None
    stand = DisputeStand(
        reference=event.dispute_reference,
        status=event.dispute_status or DisputeStatus.NEEDS_RESPONSE,
        answer_by=event.answer_by,
    )
    return Told(
        event.kind, event.dispute_reference, event.amount_minor, event.currency, event.reason,
        event.won, stand, event.external_id,
    )  # fmt: skip


class FollowDispute(MoneyAct):
    """Record one event of a dispute. Events come in any order and more than once."""

    verb = "payments.dispute"
    __slots__ = ("dispute_id", "provider", "told")

    def __init__(
        self, attempt: Attempt, told: Told, spent: SpentCoins, items: Sequence[Item] = ()
    ) -> None:
        key = f"{told.reference}:{told.kind}"
        if told.kind is EventKind.DISPUTE_UPDATED:
            # All others happen to a dispute once.
            key = f"{key}:{told.event_id}"
        super().__init__(
            attempt, provider_principal(attempt.provider), key,
            (attempt.id, told.kind, told.reference), spent, items,
        )  # fmt: skip
        self.provider = attempt.provider
        self.told = told
        self.dispute_id = new_id("dis")

    @property
    def place(self) -> tuple[str, str]:
        """The provider's name of the dispute."""
        return (self.provider, self.told.reference)

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, and the dispute."""
        return [
            *super().needs(stage),
            (DISPUTE_REFERENCES, self.place),
            (DISPUTES, self.dispute_id),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it, or say `no_change`, `too_early` (try again later), `currency_mismatch`."""
        rows = self.rows(stage)
        if rows is None:
            return NO_PAYMENT
        if rows.attempt.applied is None:
            return TOO_EARLY
        if rows.attempt.captured_money != self.told.money:
            return OTHER_MONEY
        known = stage.get(DISPUTE_REFERENCES, self.place)
        dispute = known or self._new(stage, rows)
        if known is None:
            opened = rows.attempt.open_disputes + 1
            rows = Rows(rows.intent, msgspec.structs.replace(rows.attempt, open_disputes=opened))
        match self.told.kind:
            case EventKind.DISPUTE_OPENED | EventKind.DISPUTE_UPDATED:
                fresh = noted(dispute, self.told.stand)
                done = NO_CHANGE if fresh == known else (rows, fresh)
            case EventKind.DISPUTE_FUNDS_WITHDRAWN:
                done = self._withdrawn(stage, rows, dispute, self.told.amount_minor)
            case EventKind.DISPUTE_FUNDS_REINSTATED:
                done = self._reinstated(stage, rows, dispute)
            case EventKind.DISPUTE_LOST:
                done = self._lost(stage, rows, dispute)
            case _:
                done = self._closed(rows, dispute)
        if isinstance(done, Refusal):
            return done
        self._put(stage, *done)
        return Draft(f"payments.{self.told.kind}", facts(_facts(done[1], rows.intent)))

    def _new(self, stage: Stage, rows: Rows) -> Dispute:
        told = DisputeState(self.told.stand.status)
        return Dispute(
            id=self.dispute_id, payment_id=rows.intent.id, attempt_id=rows.attempt.id,
            provider=self.provider, reference=self.told.reference,
            state=DisputeState.NEEDS_RESPONSE if told in CLOSED_DISPUTES else told,
            amount_minor=self.told.amount_minor,
            money=self.told.money, withdrawn=False, reinstated=False, reason=self.told.reason,
            taking=write_taking(Taking()), created_at=stage.now, changed_at=stage.now,
            answer_by=self.told.stand.answer_by,
        )  # fmt: skip

    def _withdrawn(
        self, stage: Stage, rows: Rows, dispute: Dispute, amount: int
    ) -> "tuple[Rows, Dispute] | Refusal":
        """Take the coins, always: what was spent is owed, or written off."""
        if dispute.withdrawn:
            return NO_CHANGE
        book = open_book(stage)
        policy = self.gone_policy(stage, rows)
        taking = take(stage, book, rows, amount, False, spent=policy, items=self.items)
        if isinstance(taking, Refusal):
            return taking
        close_book(stage, book)
        attempt = msgspec.structs.replace(
            rows.attempt, disputed_minor=rows.attempt.disputed_minor + amount
        )
        fresh = msgspec.structs.replace(
            dispute, withdrawn=True, amount_minor=amount, taking=write_taking(taking)
        )
        return Rows(with_taken(rows.intent, taking, 1), attempt), fresh

    def _reinstated(
        self, stage: Stage, rows: Rows, dispute: Dispute
    ) -> "tuple[Rows, Dispute] | Refusal":
        """Give the coins back; before the money went this comes too early."""
        if dispute.reinstated:
            return NO_CHANGE
        if not dispute.withdrawn:
            return TOO_EARLY
        amount = dispute.amount_minor
        attempt = msgspec.structs.replace(
            rows.attempt, disputed_minor=rows.attempt.disputed_minor - amount
        )
        book = open_book(stage)
        taking = read_taking(dispute.taking)
        given = untake(book, Rows(rows.intent, attempt), amount, taking, False)
        if isinstance(given, Refusal):
            return given
        close_book(stage, book)
        fresh = msgspec.structs.replace(dispute, reinstated=True, taking=write_taking(Taking()))
        return Rows(with_taken(rows.intent, given, -1), attempt), fresh

    def _lost(self, stage: Stage, rows: Rows, dispute: Dispute) -> "tuple[Rows, Dispute] | Refusal":
        """Take the coins and end the dispute at once: no further event tells of the money.

        What a refund gave back meanwhile is not taken twice: such a refund may be how the
        company paid the buyer.
        """
        attempt = rows.attempt
        gone = attempt.refunded_minor + attempt.refunding_minor + attempt.disputed_minor
        left = min(self.told.amount_minor, attempt.captured_minor - gone)
        if not dispute.withdrawn and left > 0:
            taken = self._withdrawn(stage, rows, dispute, left)
            if isinstance(taken, Refusal):
                return taken
            rows, dispute = taken
        closed = self._closed(rows, dispute)
        return (rows, dispute) if isinstance(closed, Refusal) else closed

    def _closed(self, rows: Rows, dispute: Dispute) -> "tuple[Rows, Dispute] | Refusal":
        """End the dispute; money moves only by the events that say so."""
        state = DisputeState.WON if self.told.won else DisputeState.LOST
        if state not in DISPUTE[dispute.state]:
            return NO_CHANGE
        opened = max(0, rows.attempt.open_disputes - 1)
        attempt = msgspec.structs.replace(rows.attempt, open_disputes=opened)
        return Rows(rows.intent, attempt), msgspec.structs.replace(dispute, state=state)

    def _put(self, stage: Stage, rows: Rows, dispute: Dispute) -> None:
        fresh = msgspec.structs.replace(dispute, changed_at=stage.now)
        stage.put(INTENTS, rows.intent.id, rows.intent)
        stage.put(ATTEMPTS, rows.attempt.id, rows.attempt)
        stage.put(DISPUTES, fresh.id, fresh)
        stage.put(DISPUTE_REFERENCES, self.place, fresh)


def noted(dispute: Dispute, stand: DisputeStand) -> Dispute:
    """Return a dispute as its provider says it stands; only the event of its end ends it."""
    after = DisputeState(stand.status)
    moves = after in DISPUTE[dispute.state] and after not in CLOSED_DISPUTES
    fresh = msgspec.structs.replace(
        dispute,
        state=after if moves else dispute.state,
        answer_by=stand.answer_by or dispute.answer_by,
    )
    if not stand.answered or dispute.evidence_state not in (None, EvidenceState.REFUSED):
        return fresh
    # Somebody answered at the provider; what was refused here is not what it has.
    return msgspec.structs.replace(
        fresh, evidence_state=EvidenceState.SUBMITTED, evidence_id=None, evidence_by=None,
        evidence_at=None, evidence_code=None, sealed_evidence=None,
    )  # fmt: skip


def is_open(dispute: Dispute) -> bool:
    """Say whether a dispute still bars refunds."""
    return dispute.state not in CLOSED_DISPUTES


def _facts(dispute: Dispute, intent: Intent) -> dict[str, object]:
    taking = read_taking(dispute.taking)
    return {
        "payment": dispute.payment_id,
        "dispute": dispute.id,
        "player": intent.player_id,
        "provider": dispute.provider,
        "reference": dispute.reference,
        "state": dispute.state,
        "money": dispute.money,
        "amount": dispute.amount_minor,
        "coins": taking.paid,
        "bonus": taking.bonus,
        "owed": taking.owed,
        "basis": taking.basis_minor,
        **let_go(taking),
        **_deadline(dispute.answer_by),
    }


def _deadline(at: datetime | None) -> dict[str, object]:
    return {} if at is None else {"answerBy": at}
