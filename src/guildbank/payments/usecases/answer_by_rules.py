"""Answer a player's wish by rules in the commit that keeps it, or leave it to people."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from guildbank.approvals import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Sealed, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import open_book
from guildbank.notify import SealedMail
from guildbank.payments import posting
from guildbank.payments.contracts.requests import StoredPolicy, Wish
from guildbank.payments.contracts.rows import Applied, Attempt, Intent
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.requests import GRANTED, NEWEST, POLICY, granted_at, policy_of
from guildbank.payments.rules import answer_of
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.granting import Grant, grant_letter
from guildbank.payments.usecases.money import Rows, lots
from guildbank.payments.usecases.refund import BeginRefund, StoredRefund, finish
from guildbank.payments.usecases.request_acts import RejectRequest
from guildbank.payments.usecases.request_words import Words, rejection_letter, seal_words

BY_RULES = "system"
LEFT = Refusal(code="rules_leave_it", detail="No rule answers it; a person decides.")
"""What an act answers whose rule does not hold under the lock; never leaves this file."""


class Asked(NamedTuple):
    """The act that keeps a wish, and what it is about; without an amount, all that is left."""

    act: Act
    request_id: str
    intent: Intent
    attempt: Attempt
    amount_minor: int | None

    @property
    def minor(self) -> int:
        """How much is asked for."""
        return self.amount_minor or self.attempt.left_minor

    def wish(self, granted: tuple[datetime, ...]) -> Wish | None:
        """Return what rules go by; None for money that bought nothing, which goes back anyway."""
        at, money = self.intent.credited_at, self.attempt.captured_money
        if at is None or money is None or self.attempt.applied is not Applied.CREDITED:
            return None
        return Wish(amount_minor=self.minor, money=money, credited_at=at, granted=granted)

    def needs(self) -> list[Need]:
        """Return the policy, and when requests of the player were granted."""
        return [(POLICY, NEWEST), (GRANTED, self.intent.player_id)]

    def because(self, stage: Stage, version: int, answer: Literal["grant", "reject"]) -> str | None:
        """Return as JSON why the rules of this version answer so; None where they do not now."""
        stored = stage.get(POLICY, NEWEST)
        granted = stage.get(GRANTED, self.intent.player_id) or ()
        wish = self.wish(granted)
        if stored is None or stored.version != version or wish is None:
            return None
        if answer_of(stored.policy, wish, stage.now) != answer:
            return None
        hours = (stage.now - wish.credited_at) // timedelta(hours=1)
        said = {"policy": version, "rule": answer, "hours": hours, "grantedBefore": len(granted)}
        return msgspec.json.encode(said).decode()


class GrantByRules(BeginRefund):
    """Begin a refund that the rules grant, as long as nothing of the payment is spent."""

    __slots__ = ("asked", "version")

    def __init__(
        self, asked: Asked, version: int, command: RefundCommand, mail: SealedMail | None
    ) -> None:
        grant = Grant(asked.request_id, asked.intent.id, asked.minor, mail)
        super().__init__(asked.attempt, BY_RULES, None, command, "merchant", grant=grant)
        self.asked = asked
        self.version = version

    def needs(self, stage: Stage) -> list[Need]:
        """Return what a refund needs, and what the rules go by."""
        return [*super().needs(stage), *self.asked.needs()]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Begin it. Refusals: those of a refund, and LEFT."""
        rows = self.rows(stage)
        because = self.asked.because(stage, self.version, "grant")
        if rows is None or self.grant is None or because is None:
            return LEFT
        if not _all_unspent(stage, rows):
            return LEFT
        self.grant = msgspec.structs.replace(self.grant, because=because)
        return super().decide(stage)


class RejectByRules(RejectRequest):
    """Reject what comes too late."""

    __slots__ = ("asked", "version")

    def __init__(
        self, asked: Asked, version: int, words: Sealed | None, mail: SealedMail | None
    ) -> None:
        super().__init__(asked.request_id, asked.intent.id, BY_RULES, words, mail)
        self.asked = asked
        self.version = version

    def needs(self, stage: Stage) -> list[Need]:
        """Return what a rejection needs, and what the rules go by."""
        return [*super().needs(stage), *self.asked.needs()]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Reject it. Refusals: those of a rejection, and LEFT."""
        self.because = self.asked.because(stage, self.version, "reject")
        return LEFT if self.because is None else super().decide(stage)


def _all_unspent(stage: Stage, rows: Rows) -> bool:
    """Say whether every coin of the payment is there, but for those that went back with money.

    The book is dropped: it only tells what a refund of everything would find.
    """
    intent, attempt = rows
    whole = attempt.captured_minor
    book = open_book(stage)
    found = posting.take_back(book, intent, attempt, whole, lots(stage, intent), spent="refuse")
    return not isinstance(found, Refusal)


async def answer_by_rules(
    payments: Payments, tenant: TenantRef, asked: Asked
) -> Receipt | Refusal | None:
    """Keep a wish and answer it in one commit; None where a person decides and nothing is done.

    What the rules go by is read under the lock. A grant that needs a second person by the approval
    policy is none of theirs. Refusal: `tenant_suspended`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        stored = await policy_of(tx.driver)
        granted = await granted_at(tx.driver, asked.intent.player_id)
    wish = asked.wish(granted)
    if stored is None or wish is None:
        return None
    answer = answer_of(stored.policy, wish, payments.clock.now())
    if answer == "grant":
        return await _grant(payments, tenant, asked, stored.version)
    if answer == "reject":
        return await _reject(payments, tenant, asked, stored)
    return None


async def _grant(
    payments: Payments, tenant: TenantRef, asked: Asked, version: int
) -> Receipt | None:
    intent, money = asked.intent, asked.attempt.captured_money or ""
    command = RefundCommand(
        payment_id=intent.id, amount_minor=asked.minor, money=money, reason=None,
        attempt_id=asked.attempt.id, request_id=asked.request_id,
    )  # fmt: skip
    mail = await grant_letter(payments, tenant, intent, asked.minor, money)
    act = GrantByRules(asked, version, command, mail)
    gated = await gate(
        payments.four_eyes, tenant, act, act.verb, StoredRefund(command), alone=False
    )
    outcomes = await payments.journal.submit_all(tenant.schema, [asked.act, gated], bulk=False)
    kept, begun = outcomes[0], outcomes[-1]
    if isinstance(kept, Refusal) or isinstance(begun, Refusal):
        return None
    await finish(payments, tenant, begun)
    return kept


async def _reject(
    payments: Payments, tenant: TenantRef, asked: Asked, stored: StoredPolicy
) -> Receipt | Refusal | None:
    assert stored.policy.reject is not None, "there is a rule by which it is rejected"
    answer = stored.policy.reject.answer
    words = await seal_words(payments, tenant, asked.intent.player_id, Words(answer=answer))
    if isinstance(words, Refusal):
        return words
    mail = await rejection_letter(payments, tenant, asked.intent.id, answer)
    act = RejectByRules(asked, stored.version, words, mail)
    outcomes = await payments.journal.submit_all(tenant.schema, [asked.act, act], bulk=False)
    kept = outcomes[0]
    return None if isinstance(kept, Refusal) or isinstance(outcomes[-1], Refusal) else kept
