"""Record what a provider says of a payout: money gone, or coins and money given back, once."""

from typing import ClassVar

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal
from guildbank.ledger import close_book, open_book
from guildbank.payments.contracts.payouts import (
    PAYOUT_FAILED,
    PAYOUT_PAID,
    PAYOUT_RETURNED,
    Payout,
    PayoutState,
)
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_payouts import NO_PAYOUT
from guildbank.payments.payouts import PAYOUTS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.payouts.coins import give_back, money_needs, paid
from guildbank.payments.usecases.payouts.letters import EndLetter, letter_of_outcome
from guildbank.payments.withdrawing import payout_after
from guildbank.plugin_api import Outcome, OutcomeStatus
from guildbank.wallets import account_needs

log = structlog.get_logger(__name__)
KINDS = {
    PayoutState.PAID: PAYOUT_PAID,
    PayoutState.FAILED: PAYOUT_FAILED,
    PayoutState.RETURNED: PAYOUT_RETURNED,
}


class FinishPayout(Act):
    """Record an outcome of a payout. What it takes back or lets go is booked in the same commit.

    A `letter` tells the player in that commit too.
    """

    verb: ClassVar[str] = "payments.finish_payout"
    rounds: ClassVar[int] = 2
    __slots__ = ("letter", "outcome", "payout_id")

    def __init__(
        self,
        payout: Payout,
        outcome: Outcome,
        principal: str | None = None,
        key: str | None = None,
        command: object = None,
    ) -> None:
        super().__init__(principal or provider_principal(payout.provider), key, command)
        self.payout_id = payout.id
        self.outcome = outcome
        self.letter: EndLetter | None = None

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payout, then the accounts that it moves."""
        needs: list[Need] = [(PAYOUTS, self.payout_id)]
        if stage.loaded(PAYOUTS, self.payout_id):
            known = stage.get(PAYOUTS, self.payout_id)
            if known is not None:
                needs += account_needs(known.player_id, known.currency)
                needs += money_needs(known.money, known.provider)
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Return the draft of what is new. Refusals: `not_found`, `no_change`."""
        known = stage.get(PAYOUTS, self.payout_id)
        if known is None:
            return NO_PAYOUT
        after = payout_after(known.state, self.outcome)
        if after is None:
            return NO_CHANGE
        fresh = msgspec.structs.replace(
            known,
            state=after,
            reference=self.reference_of(known),
            code=self.outcome.code,
            changed_at=stage.now,
            paid_at=stage.now if after is PayoutState.PAID else known.paid_at,
        )
        refusal = book_end(stage, known, after)
        if refusal is not None:
            return refusal
        stage.put(PAYOUTS, fresh.id, fresh)
        if self.letter is not None:
            self.letter.put(stage, after)
        told = {**end_facts(fresh), "reference": fresh.reference, "code": fresh.code}
        return Draft(KINDS.get(after, f"payments.payout_{after}"), facts(told))

    def reference_of(self, payout: Payout) -> str | None:
        """Return by which name of the provider's the payout is known from now on."""
        return payout.reference or self.outcome.reference


def book_end(stage: Stage, payout: Payout, after: PayoutState) -> Refusal | None:
    """Book what the change to `after` moves, nothing where it moves nothing."""
    if after in (PayoutState.PENDING, PayoutState.UNKNOWN):
        return None
    book = open_book(stage, settling=True)
    if after is PayoutState.PAID:
        refusal = paid(book, payout)
    else:
        refusal = give_back(book, payout, was_paid=payout.state is PayoutState.PAID)
    if refusal is None:
        close_book(stage, book)
    return refusal


def end_facts(payout: Payout) -> dict[str, object]:
    """Return what entries say of a payout that moved on."""
    return {
        "payout": payout.id,
        "player": payout.player_id,
        "currency": payout.currency,
        "coins": payout.coins,
        "money": payout.money,
        "amount": payout.amount_minor,
        "provider": payout.provider,
        "state": payout.state,
    }


async def finish_payout(
    payments: Payments, tenant: TenantRef, payout: Payout, outcome: Outcome
) -> JournalOutcome:
    """Record what the provider said of a payout, once."""
    said = (outcome.amount_minor, outcome.currency)
    if outcome.status is OutcomeStatus.PROCESSED and said != (payout.amount_minor, payout.money):
        # It paid something, but not what was asked: a person has to look.
        log.error("payout_conflicted", payout=payout.id, reference=outcome.reference)
        outcome = Outcome(
            status=OutcomeStatus.UNKNOWN, reference=outcome.reference, code="amount_differs"
        )
    act = FinishPayout(payout, outcome)
    act.letter = await letter_of_outcome(payments, tenant, payout, outcome)
    receipt = await payments.journal.submit(tenant.schema, act)
    if isinstance(receipt, Receipt) or receipt == NO_CHANGE:
        return receipt
    log.error("payout_not_recorded", payout=payout.id, code=receipt.code)
    return receipt
