"""What Stripe does when it is asked: the state of intents and sessions, and how it changes."""

import secrets
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from guildbank_lab.bench import Bench
from guildbank_lab.stripe import declines, wire
from guildbank_lab.stripe.cards import Cards
from guildbank_lab.stripe.errors import Refused, missing
from guildbank_lab.stripe.records import (
    Account,
    Card,
    Dispute,
    Failure,
    Intent,
    Kept,
    Refund,
    Session,
)
from guildbank_lab.stripe.transfers import Transfers
from guildbank_lab.stripe.webhooks import Webhooks

MOST_ACCOUNTS, MOST_PAYMENTS = 1_000, 50_000
PAYS = frozenset({"pm_card_visa", "pm_card_mastercard"})
ASKS = frozenset({"pm_card_authenticationRequired", "pm_card_threeDSecure2Required"})
AUTHENTICATION_FAILED = Failure(
    code="payment_intent_authentication_failure",
    message="The provided PaymentMethod has failed authentication.",
    type="invalid_request_error",
)
NEVER_ARRIVED = Failure(code="payment_intent_payment_attempt_failed", message="The payment failed.")
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")


class StripeDesk:
    """The lab's Stripe. What fills up is refused as Stripe refuses who asks too often."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.webhooks = Webhooks(bench)
        self.cards = Cards(self.webhooks)
        self.transfers = Transfers(self.webhooks)
        self.accounts: dict[str, Account] = {}
        self.intents: dict[str, Intent] = {}
        self.sessions: dict[str, Session] = {}
        self.disputes: dict[str, Dispute] = {}
        self.kept: dict[tuple[str, str], Kept] = {}

    @property
    def url(self) -> str:
        """Where the lab is reached."""
        return self.bench.config.url

    def now(self) -> int:
        """Return the time as Stripe writes it."""
        return int(self.bench.clock.now().timestamp())

    def id(self, prefix: str) -> str:
        """Return a new id."""
        return f"{prefix}_{self.bench.names.new(24)}"

    def add_key(self, account_id: str, secret_key: str) -> Account:
        """Give an account a further key; one that was another account's is this one's now."""
        found = next((one for one in self.accounts.values() if one.id == account_id), None)
        if found is None:
            raise missing("account", account_id)
        _room(self.accounts, MOST_ACCOUNTS)
        self.accounts[secret_key] = found
        return found

    def open_account(self, secret_key: str, webhook_secret: str, webhook_url: str) -> Account:
        """Open an account with its webhook endpoint; one that is known gets another endpoint."""
        known = self.accounts.get(secret_key)
        if known is not None:
            known.webhook_secret, known.webhook_url = webhook_secret, webhook_url
            return known
        _room(self.accounts, MOST_ACCOUNTS)
        # A lab that has lost its file knows a shop again by its key.
        name = sha256(secret_key.encode()).hexdigest()[:16]
        account = Account(
            id=f"acct_{name}", secret_key=secret_key, webhook_secret=webhook_secret,
            webhook_url=webhook_url,
        )  # fmt: skip
        self.accounts[secret_key] = account
        return account

    def account_of(self, secret_key: str) -> Account:
        """Return whose key this is."""
        for known, account in self.accounts.items():
            if secrets.compare_digest(known.encode(), secret_key.encode()):
                return account
        raise Refused(401, None, "Invalid API Key provided.")

    def intent(self, account: Account, id_: str) -> Intent:
        """Return an intent of this account."""
        found = self.intents.get(id_)
        if found is None or found.account is not account:
            raise missing("payment_intent", id_)
        return found

    def session(self, account: Account, id_: str) -> Session:
        """Return a Checkout Session of this account."""
        found = self.sessions.get(id_)
        if found is None or found.account is not account:
            raise missing("checkout.session", id_)
        return self._aged(found)

    def refund_of(self, account: Account, id_: str) -> tuple[Intent, Refund]:
        """Return a refund of this account, with its intent."""
        for intent in self.intents.values():
            for one in intent.refunds:
                if one.id == id_ and intent.account is account:
                    return intent, one
        raise missing("refund", id_)

    def dispute_of(self, account: Account, id_: str) -> Dispute:
        """Return a dispute of this account."""
        found = self.disputes.get(id_)
        if found is None or found.intent.account is not account:
            raise missing("dispute", id_)
        return found

    def keep(self, made: Intent | Session) -> None:
        """Remember what was made."""
        kept: dict[str, Any] = self.intents if isinstance(made, Intent) else self.sessions
        _room(kept, MOST_PAYMENTS)
        kept[made.id] = made

    def confirm(self, intent: Intent, method: str, effect: str | None = None) -> None:
        """Try a payment method: a test card, or one that is kept; `effect` declines whichever."""
        card = self._card(intent.account, method)
        self.cards.check(card, intent.customer)
        intent.method = card.id
        word = effect or self._declined_at_bank(intent.subjects)
        word = word or declines.BY_TEST_CARD.get(card.test_card)
        if word is not None:
            raise self._decline(intent, declines.failure_of(word))
        if card.test_card in ASKS:
            intent.status = "requires_action"
            self._tell_intent(intent, "requires_action")
        else:
            self.succeed(intent)

    def _declined_at_bank(self, subjects: tuple[str, ...]) -> str | None:
        """Return by which word the bank declines this time, if a switch says so."""
        switch = self.bench.switches.take("stripe", "confirm", *subjects, knows=declines.WORDS)
        return None if switch is None else switch.effect

    def _declined_by_partner(self, subjects: tuple[str, ...]) -> str | None:
        """Return by which word who runs another way to pay declines, if a switch says so."""
        knows = declines.PARTNER_WORDS
        switch = self.bench.switches.take("stripe", "arrive", *subjects, knows=knows)
        return None if switch is None else switch.effect

    def _decline(self, intent: Intent, why: Failure) -> Refused:
        """Refuse one try on an intent, and return the error that says so."""
        self.fail(intent, why)
        shown = wire.intent(intent, self.url)
        return Refused(402, **shown["last_payment_error"], payment_intent=shown)

    def authenticate(self, intent: Intent, *, success: bool) -> None:
        """Do what the player does at the bank; what waits for nobody stays as it is."""
        if intent.status != "requires_action":
            return
        word = self._declined_at_bank(intent.subjects) if success else None
        if not success:
            self.fail(intent, AUTHENTICATION_FAILED)
        elif word is not None:
            self.fail(intent, declines.failure_of(word))
        else:
            self.succeed(intent)

    def succeed(self, intent: Intent) -> None:
        """Take the money."""
        intent.status, intent.failure = "succeeded", None
        if intent.method is not None:
            card = self.cards.card(intent.account, intent.method)
            self.cards.charged(card, intent.customer, keeps=intent.keeps)
        self._tell_intent(intent, "succeeded")

    def fail(self, intent: Intent, why: Failure) -> None:
        """Refuse one try; another may follow. Its card is no more the intent's, as at Stripe."""
        card = None if intent.method is None else self.cards.card(intent.account, intent.method)
        # Whoever does not pass what the bank asks is not charged at all.
        charge = self.id("ch") if why.type == "card_error" else None
        intent.failure = replace(why, card=card, charge=charge)
        intent.status, intent.method = "requires_payment_method", None
        self._tell_intent(intent, "payment_failed")

    def cancel(self, intent: Intent) -> None:
        """End an intent that took nothing."""
        if intent.status not in _OPEN or intent.page is not None:
            raise Refused(
                400, "payment_intent_unexpected_state",
                f"You cannot cancel this PaymentIntent because it has a status of {intent.status}.",
                payment_intent=wire.intent(intent, self.url),
            )  # fmt: skip
        intent.status = "canceled"
        self._tell_intent(intent, "canceled")

    def complete(self, session: Session, *, later: bool = False) -> None:
        """Pay on Stripe's page, which stays open where the bank declines.

        With `later`, by a method whose money comes afterwards.
        """
        if self._aged(session).status != "open":
            return
        if (word := self._declined_at_bank(session.subjects)) is not None:
            raise Refused(402, **wire.failure(declines.failure_of(word)))
        intent = Intent(
            id=self.id("pi"), account=session.account, amount=session.amount,
            currency=session.currency, status="processing",
            client_secret=self.id("pi_secret"), metadata=session.intent_metadata,
            description=session.title, return_url=session.success_url, at=self.now(),
            page=session.id, customer=session.customer, keeps=session.keeps,
        )  # fmt: skip
        self.keep(intent)
        session.intent, session.status = intent, "complete"
        if later:
            self._tell_intent(intent, intent.status)
        else:
            intent.method = self._card(session.account, "pm_card_visa").id
            self.succeed(intent)
        self._tell_session(session, "completed")

    def arrive(self, session: Session, *, success: bool) -> None:
        """End a payment whose money comes afterwards; a switch says in which word it fails."""
        intent = session.intent
        if intent is None or intent.status != "processing":
            return
        if success:
            self.succeed(intent)
        else:
            word = self._declined_by_partner(intent.subjects)
            self.fail(intent, NEVER_ARRIVED if word is None else declines.partner_failure_of(word))
        self._tell_session(session, f"async_payment_{'succeeded' if success else 'failed'}")

    def expire(self, session: Session) -> None:
        """End a session that nobody has paid."""
        if self._aged(session).status != "open":
            raise Refused(
                400, None,
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of `{session.status}`.",
            )  # fmt: skip
        session.status = "expired"
        self._tell_session(session, "expired")

    def refund(
        self, intent: Intent, amount: int | None, reason: str | None, metadata: dict[str, str],
        effect: str | None,
    ) -> Refund:  # fmt: skip
        """Give back a part, or the rest without an amount; `effect` is `PENDING` or `FAILED`."""
        rest = intent.received - intent.refunded
        if intent.status != "succeeded":
            raise Refused(
                400, None,
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            )  # fmt: skip
        if rest <= 0:
            raise Refused(400, "charge_already_refunded", "The charge has already been refunded.")
        if not 0 < (amount or rest) <= rest:
            raise Refused(400, None, "The amount is greater than what is left.", param="amount")
        given = Refund(
            id=self.id("re"), amount=amount or rest, status=(effect or "succeeded").lower(),
            reason=reason, metadata=metadata, at=self.now(),
        )  # fmt: skip
        intent.refunds.append(given)
        self._tell(intent, "refund.created", wire.refund(intent, given))
        return given

    def dispute(
        self,
        intent: Intent,
        amount: int | None,
        reason: str,
        answer_days: int,
        *,
        inquiry: bool,
        withdraws: bool = True,
    ) -> Dispute:
        """Open a dispute; the money goes at once, but for an inquiry or where it `withdraws` none.

        Then it goes where the dispute is lost.
        """
        if intent.status != "succeeded":
            raise Refused(400, "payment_intent_unexpected_state", "It has no successful charge.")
        _room(self.disputes, MOST_PAYMENTS)
        lasts = int(timedelta(days=answer_days).total_seconds())
        case = Dispute(
            id=self.id("du"), intent=intent, amount=amount or intent.received, reason=reason,
            status="warning_needs_response" if inquiry else "needs_response",
            due_by=self.now() + lasts if answer_days else 0, at=self.now(),
        )  # fmt: skip
        self.disputes[case.id] = case
        self._tell_dispute(case, "created")
        if withdraws and not inquiry:
            self.withdraw(case)
        return case

    def withdraw(self, case: Dispute) -> None:
        """Take the money of a dispute, once."""
        if not case.withdrawn:
            case.withdrawn_at = self.now()
            self._tell_dispute(case, "funds_withdrawn")

    def answer(self, case: Dispute, evidence: dict[str, str], *, submit: bool) -> None:
        """Take evidence; what is submitted is under review from then on, and that happens once."""
        if case.status not in ("needs_response", "warning_needs_response"):
            raise Refused(400, None, "The dispute takes no evidence.")
        case.evidence.update(evidence)
        if submit:
            case.submissions += 1
            inquiry = case.status.startswith("warning_")
            case.status = "warning_under_review" if inquiry else "under_review"
        self._tell_dispute(case, "updated")

    def decide(self, case: Dispute, *, won: bool, takes: bool = True) -> None:
        """End a dispute; money that was taken comes back where it is won.

        Where it is lost the money goes, unless it went before or `takes` is false.
        """
        if case.status.startswith("warning_"):
            case.status = "warning_closed"
        else:
            case.status = "won" if won else "lost"
        if won and case.withdrawn:
            case.reinstated_at = self.now()
            self._tell_dispute(case, "funds_reinstated")
        if case.status == "lost" and takes:
            self.withdraw(case)
        self._tell_dispute(case, "closed")

    def move_deadline(self, case: Dispute, due_by: int) -> None:
        """Give more time to answer, or less."""
        case.due_by = due_by
        self._tell_dispute(case, "updated")

    def _card(self, account: Account, method: str) -> Card:
        """Return a kept card, or a fresh one for a test card."""
        if method not in PAYS | ASKS | declines.BY_TEST_CARD.keys():
            return self.cards.card(account, method)
        year = self.bench.clock.now().year + 5
        card = Card(
            id=self.id("pm"), account=account, test_card=method, exp_month=12, exp_year=year,
            at=self.now(),
        )  # fmt: skip
        self.cards.keep(card)
        return card

    def _aged(self, session: Session) -> Session:
        """Return a session, which is over once its time is."""
        if session.status == "open" and session.expires_at <= self.now():
            session.status = "expired"
            self._tell_session(session, "expired")
        return session

    def _tell_intent(self, intent: Intent, what: str) -> None:
        self._tell(intent, f"payment_intent.{what}", wire.intent(intent, self.url))

    def _tell_dispute(self, case: Dispute, what: str) -> None:
        self._tell(case.intent, f"charge.dispute.{what}", wire.dispute(case))

    def _tell(self, intent: Intent, kind: str, shown: wire.Json) -> None:
        self.webhooks.tell(intent.account, intent.subjects, kind, shown)

    def _tell_session(self, session: Session, what: str) -> None:
        shown = wire.session(session, self.url)
        self.webhooks.tell(session.account, session.subjects, f"checkout.session.{what}", shown)


def _room(kept: dict[str, Any], most: int) -> None:
    if len(kept) >= most:
        raise Refused(429, "rate_limit", f"The lab keeps {most} of these; start it anew.")
