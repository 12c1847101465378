"""Follow disputes: coins wait in suspense while one is open, and go or return with its money."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import Book, close_book, open_book
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import (
    Applied,
    Attempt,
    Dispute,
    DisputeState,
    Intent,
    Taking,
)
from guildbank.payments.posting import BONUS, PAID
from guildbank.payments.rules import CLOSED_DISPUTES, DISPUTE
from guildbank.payments.store import ATTEMPTS, DISPUTE_REFERENCES, DISPUTES, INTENTS
from guildbank.payments.usecases import provider_principal
from guildbank.payments.usecases.dispute_told import Told, is_claim, noted
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
from guildbank.payments.usecases.suspend import (
    Step,
    condemn,
    money_withdrawn,
    put_aside,
    put_back,
    release,
    withdraw,
)
from guildbank.plugin_api import EventKind
from guildbank.tenancy import SpentCoins

_TOLD_AS = {EventKind.DISPUTE_TAKEN_BACK: EventKind.DISPUTE_FUNDS_REINSTATED}
"""What entries call events whose effect is that of another."""


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
                done = self._stands(stage, rows, dispute, known)
            case EventKind.DISPUTE_FUNDS_WITHDRAWN:
                done = self._withdrawn(stage, rows, dispute)
            case EventKind.DISPUTE_FUNDS_REINSTATED:
                done = self._reinstated(stage, rows, dispute)
            case EventKind.DISPUTE_TAKEN_BACK:
                done = self._reinstated(stage, rows, dispute) if dispute.withdrawn else NO_CHANGE
            case EventKind.DISPUTE_LOST:
                done = self._lost(stage, rows, dispute)
            case _:
                done = self._closed(stage, rows, dispute)
        if isinstance(done, Refusal):
            return done
        self._put(stage, done.rows, _dated(dispute, done.dispute, stage.now))
        kind = _TOLD_AS.get(self.told.kind, self.told.kind)
        return Draft(f"payments.{kind}", facts(facts_of(done.dispute, rows.intent)))

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

    def _stands(
        self, stage: Stage, rows: Rows, dispute: Dispute, known: Dispute | None
    ) -> Step | Refusal:
        """Note how the dispute stands; from a claim on its unspent coins are put aside.

        A claim of another amount than before lets go of the coins, and puts aside those due for it.
        """
        fresh = noted(dispute, self.told.stand)
        amount, aside = self.told.amount_minor, read_taking(fresh.taking).aside
        # What is decided, or was withdrawn, is no longer about another amount.
        settled = fresh.withdrawn or fresh.state in CLOSED_DISPUTES
        if settled or self.told.kind is EventKind.DISPUTE_OPENED:
            amount = fresh.amount_minor
        if fresh == known and amount == fresh.amount_minor:
            return NO_CHANGE
        step: Step | Refusal = Step(rows, fresh)
        book, moved = open_book(stage), amount != fresh.amount_minor
        if aside and moved:
            step = put_back(book, Step(rows, fresh))
        if isinstance(step, Refusal):
            return step
        step = step._replace(dispute=msgspec.structs.replace(step.dispute, amount_minor=amount))
        claims = moved if aside else is_claim(fresh, known, self.told.stand.status)
        if settled or not claims:
            return step
        return _closing(stage, book, put_aside(stage, book, step, amount))

    def _withdrawn(self, stage: Stage, rows: Rows, dispute: Dispute) -> Step | Refusal:
        """Book the money out; its coins are put aside, unless the dispute was lost before that."""
        if dispute.withdrawn:
            return NO_CHANGE
        amount, step = self.told.amount_minor, Step(rows, dispute)
        book = open_book(stage)
        if rows.attempt.applied is not Applied.CREDITED:
            return _closing(stage, book, self._gone(stage, book, step, amount))
        done: Step | Refusal = step
        if read_taking(dispute.taking).aside and dispute.amount_minor != amount:
            done = put_back(book, step)
        if not isinstance(done, Refusal) and not read_taking(done.dispute.taking).aside:
            done = put_aside(stage, book, done, amount)
        if not isinstance(done, Refusal):
            done = money_withdrawn(book, done)
        if not isinstance(done, Refusal) and dispute.state is DisputeState.LOST:
            done = self._condemned(stage, book, done)
        return _closing(stage, book, done)

    def _gone(self, stage: Stage, book: Book, step: Step, amount: int) -> Step | Refusal:
        """Take money and coins at once: nothing is aside, and nothing is to be decided."""
        rows, dispute = step
        policy = self.gone_policy(stage, rows)
        taking = take(stage, book, rows, amount, False, spent=policy, items=self.items)
        if isinstance(taking, Refusal):
            return taking
        attempt = msgspec.structs.replace(
            rows.attempt, disputed_minor=rows.attempt.disputed_minor + amount
        )
        fresh = msgspec.structs.replace(
            dispute, withdrawn=True, amount_minor=amount, taking=write_taking(taking)
        )
        return Step(Rows(with_taken(rows.intent, taking, 1), attempt), fresh)

    def _reinstated(self, stage: Stage, rows: Rows, dispute: Dispute) -> Step | Refusal:
        """Give the coins back with the money; before the money went this comes too early."""
        if dispute.reinstated:
            return NO_CHANGE
        if not dispute.withdrawn:
            return TOO_EARLY
        book, amount = open_book(stage), dispute.amount_minor
        taking = read_taking(dispute.taking)
        undecided = amount if taking.aside else 0
        attempt = msgspec.structs.replace(
            rows.attempt,
            disputed_minor=rows.attempt.disputed_minor - amount,
            undecided_minor=rows.attempt.undecided_minor - undecided,
        )
        without = Rows(rows.intent, attempt)
        if taking.aside:
            refusal = withdraw(book, rows, amount, back=True)
            given = refusal or release(book, without, taking)
        else:
            given = untake(book, without, amount, taking, False)
        if isinstance(given, Refusal):
            return given
        close_book(stage, book)
        fresh = msgspec.structs.replace(dispute, reinstated=True, taking=write_taking(Taking()))
        return Step(Rows(with_taken(rows.intent, given, -1), attempt), fresh)

    def _lost(self, stage: Stage, rows: Rows, dispute: Dispute) -> Step | Refusal:
        """Take the coins and end the dispute at once: no further event tells of the money.

        What a refund gave back meanwhile is not taken twice: such a refund may be how the
        company paid the buyer.
        """
        done: Step | Refusal = Step(rows, dispute)
        aside = read_taking(dispute.taking).aside
        if not dispute.withdrawn:
            book = open_book(stage)
            gone = rows.attempt.given_back_minor
            left = min(self.told.amount_minor, rows.attempt.captured_minor - gone)
            if aside and left == dispute.amount_minor:
                done = self._condemned(stage, book, Step(rows, dispute))
            else:
                if aside:
                    done = put_back(book, Step(rows, dispute))
                if not isinstance(done, Refusal) and left > 0:
                    done = self._gone(stage, book, done, left)
            done = _closing(stage, book, done)
        if isinstance(done, Refusal):
            return done
        closed = self._closed(stage, *done)
        if not isinstance(closed, Refusal):
            return closed
        return NO_CHANGE if dispute.withdrawn else done

    def _closed(self, stage: Stage, rows: Rows, dispute: Dispute) -> Step | Refusal:
        """End the dispute. Its coins follow, but for money that has yet to go or to come back."""
        state = DisputeState.WON if self.told.won else DisputeState.LOST
        if state not in DISPUTE[dispute.state]:
            return NO_CHANGE
        opened = max(0, rows.attempt.open_disputes - 1)
        attempt = msgspec.structs.replace(rows.attempt, open_disputes=opened)
        step = Step(Rows(rows.intent, attempt), msgspec.structs.replace(dispute, state=state))
        if not read_taking(dispute.taking).aside:
            return step
        lost = state is DisputeState.LOST
        if lost != dispute.withdrawn:
            return step
        book = open_book(stage)
        done = self._condemned(stage, book, step) if lost else put_back(book, step)
        return _closing(stage, book, done)

    def _condemned(self, stage: Stage, book: Book, step: Step) -> Step | Refusal:
        """Take what lies in suspense for good, and by the policy what was spent."""
        (intent, attempt), dispute = step
        amount = dispute.amount_minor
        if dispute.withdrawn:
            attempt = msgspec.structs.replace(
                attempt, undecided_minor=attempt.undecided_minor - amount
            )
        else:
            attempt = msgspec.structs.replace(
                attempt,
                aside_minor=attempt.aside_minor - amount,
                disputed_minor=attempt.disputed_minor + amount,
            )
        rows, before = Rows(intent, attempt), read_taking(dispute.taking)
        taking = condemn(
            stage, book, rows, before, amount, withdrawn=dispute.withdrawn,
            spent=self.gone_policy(stage, rows), items=self.items,
        )  # fmt: skip
        if isinstance(taking, Refusal):
            return taking
        taken = with_taken(with_taken(intent, before, -1), taking, 1)
        fresh = msgspec.structs.replace(dispute, withdrawn=True, taking=write_taking(taking))
        return Step(Rows(taken, attempt), fresh)

    def _put(self, stage: Stage, rows: Rows, dispute: Dispute) -> None:
        fresh = msgspec.structs.replace(dispute, changed_at=stage.now)
        stage.put(INTENTS, rows.intent.id, rows.intent)
        stage.put(ATTEMPTS, rows.attempt.id, rows.attempt)
        stage.put(DISPUTES, fresh.id, fresh)
        stage.put(DISPUTE_REFERENCES, self.place, fresh)


def _dated(before: Dispute, after: Dispute, now: datetime) -> Dispute:
    """Return the dispute with when its money went or came back, where it did so now."""
    gone = after.withdrawn and not before.withdrawn
    back = after.reinstated and not before.reinstated
    return msgspec.structs.replace(
        after,
        withdrawn_at=now if gone else after.withdrawn_at,
        reinstated_at=now if back else after.reinstated_at,
    )


def _closing(stage: Stage, book: Book, done: Step | Refusal) -> Step | Refusal:
    if not isinstance(done, Refusal):
        close_book(stage, book)
    return done


def facts_of(dispute: Dispute, intent: Intent) -> dict[str, object]:
    """Return what an entry says of a dispute and of its coins and money."""
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
        "coins": taking.clawed(PAID) if taking.aside else taking.paid,
        "bonus": taking.clawed(BONUS) if taking.aside else taking.bonus,
        "owed": taking.owed,
        "basis": taking.basis_minor,
        **({"inSuspense": True} if taking.aside else {}),
        **let_go(taking),
        **_deadline(dispute.answer_by),
    }


def _deadline(at: datetime | None) -> dict[str, object]:
    return {} if at is None else {"answerBy": at}
