"""Settle an attempt: the one door through which an outcome becomes money and coins.

Webhook, return page, poll and janitor all come here and may race: the act decides under the lock
what is new, and a capture is one business effect with one key.
"""

from typing import NamedTuple

import msgspec
import structlog

from guildbank.identity import PLAYERS
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import Address, Leg, close_book, open_book
from guildbank.payments import posting, store
from guildbank.payments.charged import captured_parts
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import (
    CREDITED,
    Applied,
    Attempt,
    AttemptState,
    Dossier,
    Finish,
    Intent,
    IntentState,
)
from guildbank.payments.contracts.sale import Fulfilment
from guildbank.payments.contracts.saved import Saving
from guildbank.payments.contracts.subscriptions import FREE_PERIOD, FREE_PERIOD_BEGAN
from guildbank.payments.declines import Next, decline_of, row_of
from guildbank.payments.rules import (
    ENDED_INTENTS,
    LIVE_ATTEMPTS,
    UNPAID_ENDS,
    attempt_after,
    intent_after,
    waits_until,
)
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments, provider_principal
from guildbank.payments.usecases.finish_payment import begin_finish
from guildbank.payments.usecases.keep_method import keep_method
from guildbank.payments.usecases.limits import give_back_limits, reserve, reserved_needs, uses_of
from guildbank.payments.usecases.open_money import open_money
from guildbank.payments.usecases.periods import conflict_of, period_needs, put_period
from guildbank.payments.usecases.refund import refund_unapplied
from guildbank.plugin_api import Outcome, OutcomeStatus
from guildbank.wallets import purse_of, wallet_needs

log = structlog.get_logger(__name__)
TEST_PURCHASE = "test_purchase"
"""The code of an attempt that nobody paid for."""
UNAPPLIED_KINDS = ("payments.unapplied", "payments.conflicted")


class Terms(NamedTuple):
    """What differs by provider: whether it sets the price, and waits to hear of a credit."""

    by_store: bool = False
    finishes: bool = False


class Settle(PaymentAct):
    """Record what a provider says of an attempt; money that it took is booked, always."""

    verb = "payments.settle"
    rounds = 2
    __slots__ = (
        "attempt_id", "bought", "credited", "fulfilment", "outcome", "provider", "subscription_id",
        "terms",
    )  # fmt: skip

    def __init__(
        self,
        fulfilment: Fulfilment,
        attempt: Attempt,
        outcome: Outcome,
        terms: Terms | None = None,
        bought: Intent | None = None,
    ) -> None:
        """`bought` is the payment as it was, for what never changes in it: one reading is saved."""
        key, command = None, None
        if outcome.status is OutcomeStatus.PROCESSED:
            key = f"{outcome.reference or attempt.id}:capture"
            command = (attempt.id, outcome.amount_minor, outcome.currency)
        super().__init__(attempt.payment_id, provider_principal(attempt.provider), key, command)
        self.fulfilment = fulfilment
        self.attempt_id = attempt.id
        self.provider = attempt.provider
        self.outcome = outcome
        self.terms = terms or Terms()
        self.bought = bought
        self.credited: tuple[Intent, Attempt] | None = None
        self.subscription_id = new_id("sub")

    def needs(self, stage: Stage) -> list[Need]:
        """Return payment and attempt, then what a capture books on."""
        needs: list[Need] = [*super().needs(stage), (ATTEMPTS, self.attempt_id)]
        needs += period_needs(self.provider, self.outcome)
        loaded = stage.loaded(INTENTS, self.payment_id)
        intent = stage.get(INTENTS, self.payment_id) if loaded else self.bought
        if intent is None:
            return needs
        needs += reserved_needs(intent)
        money = self.outcome.currency
        if self.outcome.status is OutcomeStatus.PROCESSED and money is not None:
            needs += posting.money_needs(money, self.provider, intent)
            needs += wallet_needs((intent.player_id, intent.currency))
            needs.append((PLAYERS, intent.player_id))
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Return the draft of what is new, or `no_change`."""
        intent = stage.get(INTENTS, self.payment_id)
        attempt = stage.get(ATTEMPTS, self.attempt_id)
        if intent is None or attempt is None:
            return NO_PAYMENT
        after = attempt_after(attempt.state, self.outcome.status)
        if after is AttemptState.CAPTURED:
            return self._captured(stage, intent, attempt)
        if after is None:
            return self._same(stage, intent, attempt)
        return self._moved(stage, intent, attempt, after)

    def _same(self, stage: Stage, intent: Intent, attempt: Attempt) -> Draft | Refusal:
        """Keep the reference or the next action of a live attempt, if they are new."""
        fresh = self._noted(attempt, stage)
        same = (attempt.reference, attempt.action) == (fresh.reference, fresh.action)
        if attempt.state not in LIVE_ATTEMPTS or same:
            return NO_CHANGE
        if self.outcome.status not in (OutcomeStatus.PENDING, OutcomeStatus.UNKNOWN):
            return NO_CHANGE
        stage.put(ATTEMPTS, attempt.id, fresh)
        if intent.attempt_id == attempt.id and intent.state not in ENDED_INTENTS:
            # The player has done what was to be done, or has something else to do.
            state = intent_after(
                intent.state,
                attempt.state,
                needs_player=fresh.action is not None,
                attempts=intent.attempts,
            )
            moved = msgspec.structs.replace(intent, state=state, changed_at=stage.now)
            stage.put(INTENTS, intent.id, moved)
        return Draft("payments.pending", facts({"payment": intent.id, "attempt": attempt.id}))

    def _noted(self, attempt: Attempt, stage: Stage) -> Attempt:
        action = self.outcome.next_action
        kept = attempt.action if self.outcome.status is OutcomeStatus.UNKNOWN else None
        return msgspec.structs.replace(
            attempt,
            reference=self.reference_of(attempt),
            action=msgspec.json.encode(action).decode() if action is not None else kept,
            code=self.outcome.code,
            changed_at=stage.now,
        )

    def reference_of(self, attempt: Attempt) -> str | None:
        """Return by which name of the provider's the attempt is known from now on."""
        if self.terms.by_store:
            # Until it was bought, the payment had a name of ours there.
            return self.outcome.reference or attempt.reference
        return attempt.reference or self.outcome.reference

    def _moved(
        self, stage: Stage, intent: Intent, attempt: Attempt, after: AttemptState
    ) -> Draft | Refusal:
        """Move attempt and payment on, without money."""
        fresh = msgspec.structs.replace(self._noted(attempt, stage), state=after)
        stage.put(ATTEMPTS, attempt.id, fresh)
        state = intent.state
        decline = decline_of(self.outcome)
        row = row_of(decline)
        if intent.attempt_id == attempt.id and intent.state not in ENDED_INTENTS:
            state = intent_after(
                intent.state,
                after,
                needs_player=self.outcome.next_action is not None,
                attempts=intent.attempts,
            )
            if row is not None and row.next is Next.NOTHING:
                state = IntentState.FAILED
            over = state in (IntentState.REQUIRES_PAYMENT_METHOD, IntentState.FAILED)
            if over:
                give_back_limits(stage, intent)
            moved = msgspec.structs.replace(
                intent,
                state=state,
                reserved=intent.reserved and not over,
                room=intent.room and not over,
                problem=decline if over else intent.problem,
                expires_at=waits_until(intent, self.outcome),
                changed_at=stage.now,
            )
            stage.put(INTENTS, intent.id, moved)
        kind = "failed" if state is IntentState.FAILED else after.value
        told = {"payment": intent.id, "attempt": attempt.id, "state": state}
        return Draft(
            f"payments.{kind}", facts({**told, "code": self.outcome.code, "decline": decline})
        )

    def _captured(self, stage: Stage, intent: Intent, attempt: Attempt) -> Draft | Refusal:
        """Book captured money: behind coins if it can be, else aside."""
        amount, money = self.outcome.amount_minor or 0, self.outcome.currency or ""
        conflict, period = conflict_of(self.outcome, intent), self.outcome.period
        taken = msgspec.structs.replace(
            attempt,
            state=AttemptState.CAPTURED,
            reference=self.reference_of(attempt),
            action=None,
            code=TEST_PURCHASE if self.outcome.is_test else conflict,
            captured_minor=amount,
            captured_money=money,
            changed_at=stage.now,
        )
        # The price is what a store took for it; with all others it is what was asked for.
        price = (amount, money) if self.terms.by_store else (intent.amount_minor, intent.money)
        conflicts = conflict is not None or (amount, money) != price
        ended = intent.state in ENDED_INTENTS or intent.state is IntentState.CAPTURED
        if ended and not (self.terms.by_store and intent.state in UNPAID_ENDS):
            return self._aside(stage, intent, taken, f"payment_{intent.state}", intent.state)
        if conflicts:
            return self._aside(stage, intent, taken, "conflicted", IntentState.CONFLICTED)
        if period is not None:
            sub = put_period(stage, intent, self.provider, self.subscription_id, period)
            self.subscription_id = sub.id
            if not period.credits:
                return self._aside(stage, intent, taken, FREE_PERIOD, IntentState.CAPTURED)
        # What is due on its price a store collects: lines for another provider are not booked.
        charges = None if self.terms.by_store else intent.charges
        priced = msgspec.structs.replace(
            intent, amount_minor=price[0], money=price[1], charges=charges
        )
        problem = self._credit(stage, priced, taken)
        if isinstance(problem, Draft):
            return problem
        return self._aside(stage, intent, taken, problem.code, IntentState.CAPTURED)

    def _credit(self, stage: Stage, intent: Intent, attempt: Attempt) -> Draft | Refusal:
        """Credit the coins, or say why they cannot be."""
        player = stage.get(PLAYERS, intent.player_id)
        # A suspended player gets what was paid for, and has it once reinstated.
        if player is None or player.state not in ("active", "suspended"):
            return Refusal(code="player_closed", detail="The player's account is closed.")
        goods = self.fulfilment.fulfil(intent)
        if isinstance(goods, Refusal):
            return goods
        purse = purse_of(stage, (intent.player_id, intent.currency))
        if purse is None:
            return Refusal(code="unknown_currency", detail="There is no such currency.")
        book = open_book(stage, settling=True)
        refusal = posting.book_credit(book, intent, self.provider, goods, purse.currency)
        if refusal is not None:
            return refusal
        close_book(stage, book)
        if not intent.reserved:
            reserve(stage, uses_of(intent), even_above=True)
        bucket = {
            name: posting.leg_of(book, Address(intent.player_id, intent.currency, name))
            for name in (posting.PAID, posting.BONUS)
        }
        credited = msgspec.structs.replace(
            intent, state=IntentState.CREDITED, reserved=True, room=False, problem=None,
            attempt_id=attempt.id, provider=attempt.provider, credited_seq=stage.seq,
            credited_at=stage.now, paid_leg=bucket[posting.PAID], bonus_leg=bucket[posting.BONUS],
            changed_at=stage.now,
        )  # fmt: skip
        stage.put(INTENTS, intent.id, credited)
        due = Finish.DUE if self.terms.finishes else None
        applied = msgspec.structs.replace(attempt, applied=Applied.CREDITED, finish=due)
        stage.put(ATTEMPTS, attempt.id, applied)
        self.credited = (credited, applied)
        told = {"currency": goods.currency, "coins": goods.coins, "bonus": goods.bonus}
        test = {"test": True} if self.outcome.is_test else {}
        period = {} if self.outcome.period is None else {"subscription": self.subscription_id}
        parts = captured_parts(credited, attempt.captured_minor)
        aside = {"taxes": parts.taxes, "fees": parts.fees} if credited.charges else {}
        return Draft(
            CREDITED, facts({**_facts(credited, attempt), **told, **aside, **test, **period})
        )

    def _aside(
        self, stage: Stage, intent: Intent, attempt: Attempt, problem: str, state: IntentState
    ) -> Draft | Refusal:
        """Book the money to unapplied; a refund of its own gives it back."""
        money = attempt.captured_money or ""
        if attempt.captured_minor:
            book = open_book(stage)
            source = posting.provider_account(money, self.provider)
            refusal = book.post([Leg((source,), posting.unapplied(money), attempt.captured_minor)])
            if refusal is not None:
                return refusal
            close_book(stage, book)
            attempt = msgspec.structs.replace(attempt, applied=Applied.UNAPPLIED)
        if problem == FREE_PERIOD and self.terms.finishes:
            attempt = msgspec.structs.replace(attempt, finish=Finish.DUE)
        stage.put(ATTEMPTS, attempt.id, attempt)
        if state is not intent.state:
            give_back_limits(stage, intent)
            moved = msgspec.structs.replace(
                intent, state=state, reserved=False, room=False, problem=problem,
                attempt_id=attempt.id, changed_at=stage.now,
            )  # fmt: skip
            stage.put(INTENTS, intent.id, moved)
        conflicted = state is IntentState.CONFLICTED and state is not intent.state
        kind = "payments.conflicted" if conflicted else "payments.unapplied"
        kind = FREE_PERIOD_BEGAN if problem == FREE_PERIOD else kind
        return Draft(kind, facts({**_facts(intent, attempt), "reason": problem}))


def _facts(intent: Intent, attempt: Attempt) -> dict[str, object]:
    return {
        "payment": intent.id,
        "attempt": attempt.id,
        "player": intent.player_id,
        "provider": attempt.provider,
        "reference": attempt.reference,
        "product": intent.product_id,
        "version": intent.product_version,
        "money": attempt.captured_money,
        "amount": attempt.captured_minor,
    }


async def settle(
    payments: Payments, tenant: TenantRef, attempt: Attempt, outcome: Outcome
) -> JournalOutcome:
    """Record an outcome of an attempt, once, whoever else brings the same one.

    Returns the receipt of what was booked, now or before, or `no_change`.
    """
    terms = terms_of(payments, attempt.provider)
    act = Settle(payments.fulfilment, attempt, outcome, terms)
    return await _book(payments, tenant, attempt, act)


async def settle_first(
    payments: Payments, tenant: TenantRef, attempt: Attempt, outcome: Outcome, bought: Intent
) -> Dossier | None:
    """Record the first word on an attempt whose payment, `bought`, the caller has at hand.

    Returns the payment as it stands if this credited it: then nobody has to read it again.
    """
    terms = terms_of(payments, attempt.provider)
    act = Settle(payments.fulfilment, attempt, outcome, terms, bought)
    receipt = await _book(payments, tenant, attempt, act)
    if not isinstance(receipt, Receipt) or receipt.replayed or act.credited is None:
        return None
    intent, credited = act.credited
    # Of an earlier attempt more would have to be read.
    return Dossier(intent, [credited], [], []) if credited.number == 1 else None


async def _book(
    payments: Payments, tenant: TenantRef, attempt: Attempt, act: Settle
) -> JournalOutcome:
    outcome = act.outcome
    await open_money(payments, tenant, outcome)
    receipt = await payments.journal.submit(tenant.schema, act)
    if isinstance(receipt, Refusal) and receipt.code not in ("no_change", "not_found"):
        log.error("settlement_refused", attempt=attempt.id, code=receipt.code)
    await after_settling(payments, tenant, attempt, receipt)
    if attempt.saves is Saving.ASKED and outcome.status is OutcomeStatus.PROCESSED:
        # Nobody waits for it; what this leaves undone a job finds.
        payments.start(keep_method(payments, tenant, attempt.id))
    return receipt


async def after_settling(
    payments: Payments, tenant: TenantRef, attempt: Attempt, outcome: JournalOutcome
) -> None:
    """Begin to give back what bought nothing, and let a store know of what was credited."""
    if isinstance(outcome, Receipt) and outcome.kind in UNAPPLIED_KINDS:
        await return_unapplied(payments, tenant, attempt.id)
    begin_finish(payments, tenant, attempt, outcome)


def terms_of(payments: Payments, provider: str) -> Terms:
    """Return what a provider's manifest says of how its money is booked."""
    plugin = payments.plugins.provider(provider)
    by_store = plugin is not None and plugin.manifest.sold_by_store
    return Terms(by_store, payments.plugins.finishes(provider))


async def return_unapplied(payments: Payments, tenant: TenantRef, attempt_id: str) -> None:
    """Give back at once what could not be credited; a job finds what this leaves."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        fresh = await store.attempt_by_id(tx.driver, attempt_id)
    if fresh is not None:
        await refund_unapplied(payments, tenant, fresh)
