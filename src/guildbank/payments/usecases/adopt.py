"""Make a payment of what a store sold again under the names of one that is paid.

A client may buy twice with the same names, and a subscription renews under them; the store has
taken the money each time. Nobody asked for a further payment here, so the first one stands in for
it: same player, same goods, unless a renewal is of another of the tenant's packs.
"""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Look, Need, Receipt, RowLock, Stage, facts
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal, new_id
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT, PROVIDER_SILENT
from guildbank.payments.contracts.rows import (
    PAYMENT_ADOPTED,
    Attempt,
    AttemptState,
    Intent,
    IntentState,
)
from guildbank.payments.contracts.sale import Order
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.look import ask_about
from guildbank.payments.usecases.open_money import open_money
from guildbank.payments.usecases.settle import Settle, after_settling, terms_of
from guildbank.plugin_api import Outcome, OutcomeStatus, Period


class Adopt(PaymentAct):
    """Record a payment and its attempt beside those that the purchase was made under."""

    verb = "payments.adopt"
    __slots__ = ("attempt", "like", "sold_under")

    def __init__(self, like: Intent, sold_under: Attempt, purchase: str) -> None:
        """`purchase` is the store's name of what was sold under the attempt."""
        command = (sold_under.id, purchase)
        principal = provider_principal(sold_under.provider)
        super().__init__(new_id("pay"), principal, f"{purchase}:adopt", command)
        self.like, self.sold_under = like, sold_under
        self.attempt = msgspec.structs.replace(
            sold_under, id=new_id("att"), payment_id=self.payment_id, number=1,
            state=AttemptState.PENDING, reference=None, action=None, code=None, applied=None,
            captured_minor=0, captured_money=None, refunding_minor=0, refunded_minor=0,
            disputed_minor=0, open_disputes=0, aside_minor=0, undecided_minor=0, finish=None,
            saves=None, saves_by=None,
        )  # fmt: skip

    @property
    def locks(self) -> tuple[RowLock, ...]:
        """Return nothing: the row is new, so nobody else can hold it."""
        return ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return the places of both rows."""
        return [*super().needs(stage), (ATTEMPTS, self.attempt.id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Record them; what they reserve is reserved when the coins are credited."""
        like, now = self.like, stage.now
        intent = msgspec.structs.replace(
            like, id=self.payment_id, state=IntentState.PROCESSING, reserved=False, attempts=1,
            attempt_id=self.attempt.id, problem=None, problem_detail=None, credited_seq=None,
            credited_at=None, paid_leg=None, bonus_leg=None, taken_paid=0, taken_bonus=0,
            created_at=now, expires_at=now, changed_at=now,
        )  # fmt: skip
        attempt = msgspec.structs.replace(self.attempt, created_at=now, changed_at=now)
        stage.put(INTENTS, intent.id, intent)
        stage.put(ATTEMPTS, attempt.id, attempt)
        told = {
            "payment": intent.id,
            "attempt": attempt.id,
            "player": intent.player_id,
            "provider": attempt.provider,
            "soldUnder": self.sold_under.payment_id,
        }
        return Draft(PAYMENT_ADOPTED, facts(told))


async def adopt_purchase(
    payments: Payments, tenant: TenantRef, sold_under: Attempt, purchase: str
) -> JournalOutcome:
    """Ask the store about a purchase, and book it as a payment of its own, in one commit.

    Whoever is second in a race is refused as `key_reused` and finds it booked when it comes again.
    Refusals: `no_change` (booked before, or nobody paid), `provider_silent`, those of `line_to`.
    """
    line = await line_about(payments, tenant, sold_under.provider, sold_under.payment_id)
    if isinstance(line, Refusal):
        return line
    outcome = await ask_about(line, sold_under, purchase)
    if outcome.status in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED):
        return NO_CHANGE
    if outcome.status is not OutcomeStatus.PROCESSED:
        return PROVIDER_SILENT
    # The event may name a purchase otherwise than the store does when it is asked.
    named = msgspec.structs.replace(outcome, reference=outcome.reference or purchase)
    return await adopt(payments, tenant, sold_under, named)


async def adopt(
    payments: Payments, tenant: TenantRef, sold_under: Attempt, sold: Outcome
) -> JournalOutcome:
    """Book what the store says that it sold. A free period that credits nothing is no payment.

    Refusals: `no_change` (booked before, or nothing to be booked), `not_found`, `key_reused`.
    """
    name = sold.reference or ""
    async with payments.looks.look(tenant.schema, fresh=True) as look:
        driver = await look.driver()
        like = await store.intent_by_id(driver, sold_under.payment_id)
        known = await store.attempt_by_reference(driver, sold_under.provider, name)
        if like is not None and sold.period is not None:
            like = await as_sold(payments, look, like, sold.period)
    if like is None:
        return NO_PAYMENT
    if known is not None or (sold.period is not None and not sold.period.credits):
        return NO_CHANGE
    await open_money(payments, tenant, sold)
    act = Adopt(like, sold_under, name)
    terms = terms_of(payments, sold_under.provider)
    settle = Settle(payments.fulfilment, act.attempt, sold, terms)
    answers = await payments.journal.submit_all(tenant.schema, [act, settle], bulk=False)
    if isinstance(answers[-1], Receipt):
        await after_settling(payments, tenant, act.attempt, answers[-1])
    return answers[-1]


async def as_sold(payments: Payments, look: Look, like: Intent, period: Period) -> Intent:
    """Return the payment as one of the pack that a period is of, where that is another one.

    A pack that is not for sale here any more leaves it as it is: then the money is booked aside.
    """
    if period.product_id in (None, like.product_id):
        return like
    order = Order(
        player_id=like.player_id, product_id=period.product_id or "", coins=None, money=like.money,
        country=like.country, at=payments.clock.now(),
    )  # fmt: skip
    quote = await payments.fulfilment.quote(look, order)
    if isinstance(quote, Refusal):
        return like
    return msgspec.structs.replace(
        like, product_id=quote.product_id, product_version=quote.version, title=quote.title,
        currency=quote.currency, coins=quote.coins, bonus=quote.bonus,
        limits=msgspec.json.encode(quote.limits).decode(),
    )  # fmt: skip
