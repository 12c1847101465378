"""Book a refund that was made at the provider's own dashboard: the money is gone already."""

from collections.abc import Sequence

import msgspec

from guildbank.journal import Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import close_book, open_book
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import Applied, Attempt, Refund, RefundState
from guildbank.payments.store import ATTEMPTS, INTENTS, REFUND_REFERENCES, REFUNDS
from guildbank.payments.usecases import provider_principal
from guildbank.payments.usecases.money import (
    MoneyAct,
    failed_if_all_back,
    take,
    with_taken,
    write_taking,
)
from guildbank.payments.usecases.refund_facts import refund_facts
from guildbank.plugin_api import RefundRequest
from guildbank.tenancy import SpentCoins

TOO_EARLY = Refusal(
    code="too_early", detail="The event speaks of money that is not booked here yet."
)
"""The work is to be tried again later."""
OTHER_MONEY = Refusal(
    code="currency_mismatch", detail="The event is in another money than the payment."
)


class BookForeignRefund(MoneyAct):
    """Take back the coins of money that went without us; what was spent is owed or written off."""

    verb = "payments.refund_reported"
    __slots__ = ("amount_minor", "money", "provider", "reason", "reference", "refund_id")

    def __init__(
        self,
        attempt: Attempt,
        reference: str,
        amount_minor: int,
        money: str,
        reason: str | None,
        spent: SpentCoins,
        items: Sequence[Item] = (),
    ) -> None:
        super().__init__(
            attempt, provider_principal(attempt.provider), f"{reference}:refund",
            (attempt.id, amount_minor, money), spent, items,
        )  # fmt: skip
        self.provider = attempt.provider
        self.reference = reference
        self.amount_minor = amount_minor
        self.money = money
        self.reason = reason
        self.refund_id = new_id("ref")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, and the refund by the provider's reference."""
        reference = (self.provider, self.reference)
        return [
            *super().needs(stage),
            (REFUND_REFERENCES, reference),
            (REFUNDS, self.refund_id),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it, or say `no_change` (known), `too_early`, `currency_mismatch`."""
        rows = self.rows(stage)
        if rows is None:
            return NO_PAYMENT
        if stage.get(REFUND_REFERENCES, (self.provider, self.reference)) is not None:
            return NO_CHANGE
        intent, attempt = rows
        if attempt.applied is None:
            return TOO_EARLY
        if attempt.captured_money != self.money:
            return OTHER_MONEY
        book = open_book(stage)
        policy = self.gone_policy(stage, rows)
        taking = take(stage, book, rows, self.amount_minor, False, spent=policy, items=self.items)
        if isinstance(taking, Refusal):
            return taking
        close_book(stage, book)
        request = RefundRequest(
            refund_id=self.refund_id, idempotency_key=f"{self.refund_id}:refund:1",
            attempt_id=attempt.id, payment_reference=attempt.reference or "",
            amount_minor=self.amount_minor, currency=self.money, reason=self.reason,
        )  # fmt: skip
        refund = Refund(
            id=self.refund_id, payment_id=intent.id, attempt_id=attempt.id,
            provider=self.provider, source=attempt.applied or Applied.UNAPPLIED,
            origin="provider", state=RefundState.SUCCEEDED, amount_minor=self.amount_minor,
            money=self.money, reason=self.reason, reference=self.reference,
            request=msgspec.json.encode(request).decode(), taking=write_taking(taking), code=None,
            created_at=stage.now, changed_at=stage.now,
        )  # fmt: skip
        back = msgspec.structs.replace(
            attempt, refunded_minor=attempt.refunded_minor + self.amount_minor
        )
        stage.put(REFUNDS, refund.id, refund)
        stage.put(ATTEMPTS, attempt.id, back)
        stage.put(INTENTS, intent.id, failed_if_all_back(with_taken(intent, taking, 1), back))
        told = {**refund_facts(refund, intent.player_id, taking), "reference": self.reference}
        return Draft("payments.refunded", facts(told))
