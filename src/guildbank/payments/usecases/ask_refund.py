"""Ask for a refund as the player who paid: the wish is kept, and rules or a person answer it."""

import msgspec

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Outcome, Sealed, Stage, facts
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import OUTGOING, SealedMail
from guildbank.payments import store
from guildbank.payments.contracts.refusals import (
    DISPUTE_OPEN,
    NO_PAYMENT,
    NOT_REFUNDABLE,
    asked_already,
)
from guildbank.payments.contracts.requests import (
    REFUND_REQUESTED,
    AskCommand,
    RefundRequest,
    RequestState,
)
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.requests import OPEN_REQUESTS, REQUESTS
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.answer_by_rules import Asked, answer_by_rules
from guildbank.payments.usecases.read_requests import ShownRequest, get_request
from guildbank.payments.usecases.refund import refundable, too_much, wrong_money
from guildbank.payments.usecases.request_acts import request_facts
from guildbank.payments.usecases.request_words import ASKED, Words, letter_to_player, seal_words


class AskRefund(PaymentAct):
    """Keep a player's wish for money back; nothing moves yet. A `mail` may say so."""

    verb = "payments.ask_refund"
    __slots__ = ("asked", "attempt_id", "mail", "player_id", "request_id", "text")

    def __init__(
        self,
        attempt: Attempt,
        player_id: str,
        key: str,
        asked: AskCommand,
        text: Sealed | None,
    ) -> None:
        super().__init__(attempt.payment_id, player_id, key, asked)
        self.attempt_id = attempt.id
        self.player_id = player_id
        self.asked = asked
        self.text = text
        self.mail: SealedMail | None = None
        self.request_id = new_id("rrq")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the player, the payment with its attempt, and its open request."""
        return [
            *super().needs(stage),
            (ATTEMPTS, self.attempt_id),
            (PLAYERS, self.player_id),
            (OPEN_REQUESTS, self.payment_id),
            (REQUESTS, self.request_id),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it. Refusals: `player_suspended`, `player_closed`, `payment_not_refundable`,
        `dispute_open`, `refund_requested`, `currency_mismatch`, `exceeds_refundable`.
        """
        player = stage.get(PLAYERS, self.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        attempt = stage.get(ATTEMPTS, self.attempt_id)
        if stage.get(INTENTS, self.payment_id) is None or attempt is None:
            return NO_PAYMENT
        money = attempt.captured_money
        if money is None or attempt.applied is None:
            return NOT_REFUNDABLE
        if attempt.open_disputes > 0:
            return DISPUTE_OPEN
        if attempt.left_minor == 0:
            return NOT_REFUNDABLE
        if (before := stage.get(OPEN_REQUESTS, self.payment_id)) is not None:
            return asked_already(before.id)
        if self.asked.money not in (None, money):
            return wrong_money(money)
        if (self.asked.amount_minor or 0) > attempt.left_minor:
            return too_much(attempt.left_minor)
        request = self._request(stage, money)
        stage.put(REQUESTS, request.id, request)
        stage.put(OPEN_REQUESTS, self.payment_id, request)
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)
        payload = {} if self.text is None else {"payload": self.text.hash}
        return Draft(REFUND_REQUESTED, facts({**request_facts(request), **payload}), self.text)

    def _request(self, stage: Stage, money: str) -> RefundRequest:
        return RefundRequest(
            id=self.request_id, payment_id=self.payment_id, player_id=self.player_id,
            state=RequestState.OPEN, reason=self.asked.reason,
            amount_minor=self.asked.amount_minor, money=money,
            sealed_text=None if self.text is None else self.text.ciphertext, sealed_words=None,
            refund_id=None, decided_by=None, because=None, created_at=stage.now, decided_at=None,
        )  # fmt: skip


async def ask_refund(
    payments: Payments, tenant: TenantRef, player_id: str, key: str, command: AskCommand
) -> ShownRequest | Refusal:
    """Ask for a refund of one's own payment. The same key answers with the same request.

    Refusals: `not_found` (also for another player's payment), `unknown_player`,
    `player_suspended`, `player_closed`, `payment_not_refundable`, `dispute_open`,
    `refund_requested`, `currency_mismatch`, `exceeds_refundable`, `key_reused`,
    `tenant_suspended`. Raises Unavailable.
    """
    found = await _own_payment(payments, tenant, player_id, command.payment_id)
    if isinstance(found, Refusal):
        return found
    intent, attempt = found
    text = await seal_words(payments, tenant, player_id, Words(text=command.text))
    if isinstance(text, Refusal):
        return text
    hashed = msgspec.structs.replace(command, text=None if text is None else text.hash)
    act = AskRefund(attempt, player_id, key, hashed, text)
    asked = Asked(act, act.request_id, intent, attempt, command.amount_minor)
    outcome: Outcome | None = await answer_by_rules(payments, tenant, asked)
    if outcome is None:
        act.mail = await letter_to_player(payments, tenant, intent, ASKED, {})
        outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return outcome
    request_id = msgspec.json.decode(outcome.data)["refundRequest"]
    return await get_request(payments, tenant, request_id)


async def _own_payment(
    payments: Payments, tenant: TenantRef, player_id: str, payment_id: str
) -> tuple[Intent, Attempt] | Refusal:
    if parse_id("pay", payment_id) is None:
        return NO_PAYMENT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
        if intent is None or intent.player_id != player_id:
            return NO_PAYMENT
        attempts = await store.attempts_of(tx.driver, payment_id)
    attempt = refundable(attempts, None)
    return attempt if isinstance(attempt, Refusal) else (intent, attempt)
