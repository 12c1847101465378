"""Give back the coins of a lost dispute whose company says that it never took the money."""

import msgspec

from guildbank.journal import Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import close_book, open_book
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import Attempt, Dispute, DisputeState
from guildbank.payments.store import ATTEMPTS, DISPUTE_REFERENCES, DISPUTES, INTENTS
from guildbank.payments.usecases import provider_principal
from guildbank.payments.usecases.dispute import facts_of
from guildbank.payments.usecases.money import MoneyAct, read_taking
from guildbank.payments.usecases.suspend import Step, put_back

RELEASED = "payments.dispute_released"


class ReleaseDispute(MoneyAct):
    """Let go of coins that wait for money to go. Should it go after all, they are taken then."""

    verb = "payments.release_dispute"
    __slots__ = ("dispute_id", "place")

    def __init__(self, attempt: Attempt, dispute: Dispute) -> None:
        super().__init__(
            attempt, provider_principal(dispute.provider), f"{dispute.reference}:released",
            (attempt.id, dispute.reference),
        )  # fmt: skip
        self.dispute_id = dispute.id
        self.place = (dispute.provider, dispute.reference)

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, and the dispute."""
        return [
            *super().needs(stage),
            (DISPUTES, self.dispute_id),
            (DISPUTE_REFERENCES, self.place),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Give them back, or say `no_change` where none wait or the money went meanwhile."""
        rows, dispute = self.rows(stage), stage.get(DISPUTES, self.dispute_id)
        if rows is None or dispute is None:
            return NO_PAYMENT
        waits = dispute.state is DisputeState.LOST and not dispute.withdrawn
        if not waits or not read_taking(dispute.taking).aside:
            return NO_CHANGE
        book = open_book(stage)
        done = put_back(book, Step(rows, dispute))
        if isinstance(done, Refusal):
            return done
        close_book(stage, book)
        fresh = msgspec.structs.replace(done.dispute, changed_at=stage.now)
        stage.put(INTENTS, rows.intent.id, done.rows.intent)
        stage.put(ATTEMPTS, rows.attempt.id, done.rows.attempt)
        stage.put(DISPUTES, fresh.id, fresh)
        stage.put(DISPUTE_REFERENCES, self.place, fresh)
        return Draft(RELEASED, facts(facts_of(fresh, rows.intent)))
