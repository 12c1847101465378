"""Create a payment: quote, entry stage, one commit, then the first attempt."""

from collections.abc import Coroutine
from typing import Any, NamedTuple

import msgspec

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Look, Need, Receipt, RowLock, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.payments import store
from guildbank.payments.charged import charges_of, facts_of, price_of, write_charges
from guildbank.payments.contracts.refusals import NO_PAYMENT, NOT_RETRYABLE
from guildbank.payments.contracts.rows import Dossier, Intent, IntentState
from guildbank.payments.contracts.sale import NOWHERE, Purchase, Whence
from guildbank.payments.posting import coins_of
from guildbank.payments.store import INTENTS
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.attempt import (
    Asked,
    StartAttempt,
    call_provider,
    request_of,
    with_payer,
)
from guildbank.payments.usecases.keep_checks import keep_checks
from guildbank.payments.usecases.limits import keep_room_for, limit_needs, reserve, room_needs
from guildbank.payments.usecases.read import read_payment
from guildbank.payments.usecases.sell import Sale, sell, sent_of, wish_of
from guildbank.payments.usecases.try_providers import fall_back, try_providers
from guildbank.pipelines import Because

LOOKED_AWAY = Refusal(
    code="looked_away", detail="What is sold, by whom or how, has changed since it was looked at."
)


class CreatePayment(PaymentAct):
    """Record what is bought; `sale` may be the refusal that only an earlier answer outdoes."""

    verb = "payments.create"
    rounds = 2
    __slots__ = ("look", "made", "payments", "purchase", "sale", "whence")

    def __init__(
        self,
        payments: Payments,
        payment_id: str,
        principal: str,
        key: str,
        purchase: Purchase,
        sale: Sale | Refusal,
        command: object,
        whence: Whence,
        look: Look,
    ) -> None:
        """`look` has what the sale goes by."""
        super().__init__(payment_id, principal, key, command)
        self.look = look
        self.payments = payments
        self.purchase = purchase
        self.sale = sale
        self.whence = whence
        self.made: Intent | None = None

    @property
    def locks(self) -> tuple[RowLock, ...]:
        """Return nothing: the row is new, so nobody else can hold it."""
        return ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return the player, what the sale goes by, and what it reserves.

        The payment itself is new: its id was drawn for it.
        """
        needs: list[Need] = [(PLAYERS, self.purchase.player_id)]
        if not isinstance(self.sale, Refusal):
            needs += self.look.needs()
            quote = self.sale.quote
            needs += limit_needs(quote.limits)
            needs += room_needs(stage, self.purchase.player_id, quote.currency)
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Reserve the limits and the room for the coins, and store the payment.

        Refusals: `unknown_player`, `player_suspended`, `player_closed`, the quote's, those of
        `reserve` and `keep_room_for`, and `looked_away`, which no caller is told.
        """
        player = stage.get(PLAYERS, self.purchase.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        sale = self.sale
        if isinstance(sale, Refusal):
            return sale
        if not self.look.stands(stage):
            return LOOKED_AWAY
        quote = sale.quote
        if (refusal := reserve(stage, quote.limits)) is not None:
            return refusal
        room = keep_room_for(stage, player.id, quote.currency, coins_of(quote))
        if isinstance(room, Refusal):
            return room
        intent = Intent(
            id=self.payment_id, state=IntentState.CREATED, player_id=player.id,
            provider=sale.choice.provider, product_id=quote.product_id,
            product_version=quote.version, title=quote.title, currency=quote.currency,
            coins=quote.coins, bonus=quote.bonus, money=quote.money,
            amount_minor=quote.amount_minor, country=self.purchase.country,
            limits=msgspec.json.encode(quote.limits).decode(), reserved=True, attempts=0,
            attempt_id=None, problem=None, credited_seq=None, credited_at=None, paid_leg=None,
            bonus_leg=None, taken_paid=0, taken_bonus=0, created_at=stage.now,
            expires_at=stage.now + self.payments.timing.lifetime, changed_at=stage.now,
            purpose=quote.purpose, revision=sale.revision, platform=self.purchase.platform,
            because=msgspec.json.encode(sale.choice.because).decode(),
            device=self.whence.device,
            charges=None if sale.charges is None else write_charges(sale.charges), room=room,
        )  # fmt: skip
        stage.put(INTENTS, intent.id, intent)
        self.made = intent
        keep_checks(stage, intent.id, 0, sale.checked)
        return Draft("payments.created", facts(_facts(intent)))


def _facts(intent: Intent) -> dict[str, object]:
    charges = charges_of(intent)
    lines = {"charges": facts_of(charges), "price": price_of(intent)} if charges else {}
    return {
        "payment": intent.id,
        "player": intent.player_id,
        "provider": intent.provider,
        "product": intent.product_id,
        "version": intent.product_version,
        "currency": intent.currency,
        "coins": intent.coins,
        "bonus": intent.bonus,
        "money": intent.money,
        "amount": intent.amount_minor,
        "purpose": intent.purpose,
        "revision": intent.revision,
        **lines,
    }


class FirstAttempt(StartAttempt):
    """The attempt of a payment that its own commit makes: both are there by no reading."""

    rounds = 1
    __slots__ = ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return the account, and what is saved; all else the payment asks for."""
        return self.needs_beside()

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Refuse with `payment_not_retryable` where the payment was made before, by another id."""
        return super().decide(stage) if stage.loaded(INTENTS, self.payment_id) else NOT_RETRYABLE

    @property
    def locks(self) -> tuple[RowLock, ...]:
        """Return nothing: the row is new, so nobody else can hold it."""
        return ()


class Bought(NamedTuple):
    """The payment as it stands, with all that belongs to it, and whether this call made it."""

    dossier: Dossier
    fresh: bool

    @property
    def intent(self) -> Intent:
        """The payment itself."""
        return self.dossier.intent


async def create_payment(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str,
    purchase: Purchase,
    *,
    command: object = None,
    unsold: Refusal | None = None,
    whence: Whence = NOWHERE,
) -> Bought | Refusal:
    """Buy something. The same key answers with the same payment as it stands by then.

    `command` is what the caller asked for, where the purchase was only found for it; `unsold` says
    that nothing was found, which an earlier payment of the key outdoes. `address` is where the
    purchase comes from, where its `payer` does not say so: no part of the command, since a repeated
    call may come from elsewhere.
    Refusals: those of the Fulfilment's quote, `unknown_player`, `player_suspended`,
    `player_closed`, `unknown_provider`, `sandbox_refused`, `no_route`, `provider_not_offered`,
    `provider_required`, `limit_reached`, `currency_inactive`, `ceiling_exceeded`,
    `total_overflow`, `purchase_vetoed`, `gate_unavailable`, those of
    `choose_method`, `key_reused`, `tenant_suspended`. Raises Unavailable.
    """
    fresh_id = new_id("pay")
    by = Asked(principal, whence=whence)
    # For a saved method the provider is asked by its account, which has to be the present one.
    remembers = not wish_of(purchase)
    while True:
        look = payments.looks.look(tenant.schema, fresh=not remembers)
        sale = unsold or await sell(payments, tenant, purchase, fresh_id, by, look)
        bought: Bought | Refusal = LOOKED_AWAY
        if not isinstance(sale, Refusal) or await payments.looks.stands(look):
            act = CreatePayment(
                payments, fresh_id, principal, key, purchase, sale, command or purchase, whence,
                look,
            )  # fmt: skip
            bought = await _buy(payments, tenant, act, by)
        if bought != LOOKED_AWAY:
            return bought
        payments.looks.forget(look)
        # What is read for it is good enough, even while it is being changed.
        remembers = False


async def _buy(
    payments: Payments, tenant: TenantRef, act: CreatePayment, by: Asked
) -> Bought | Refusal:
    """Record the payment and wait for its first attempt; refused as the act is."""
    sale, purchase = act.sale, act.purchase
    if not isinstance(sale, Refusal) and sale.is_checked:
        work = await _begin_at_once(payments, tenant, act, sale)
        if isinstance(work, Refusal):
            return work
        if work is not None:
            dossier = await payments.wait(payments.start(work))
            dossier = dossier or await read_payment(payments, tenant, act.payment_id)
            return NO_PAYMENT if dossier is None else Bought(dossier, fresh=True)
    receipt = await payments.journal.submit(tenant.schema, act)
    if not isinstance(receipt, Receipt):
        return receipt
    payment_id = msgspec.json.decode(receipt.data)["payment"]
    if receipt.replayed or act.made is None or isinstance(sale, Refusal):
        work = _left_attempt(payments, tenant, by, payment_id, purchase)
    else:
        payments.looks.remember(act.look)
        work = _first_attempt(payments, tenant, by, act.made, purchase, sale)
    await payments.wait(payments.start(work))
    dossier = await read_payment(payments, tenant, payment_id)
    return NO_PAYMENT if dossier is None else Bought(dossier, not receipt.replayed)


async def _begin_at_once(
    payments: Payments, tenant: TenantRef, create: CreatePayment, sale: Sale
) -> Coroutine[Any, Any, Dossier | None] | Refusal | None:
    """Record the payment and its first attempt in one commit, and return what calls the provider.

    That returns the payment, where it credited it. None where the commit is refused as a whole, as
    for a key that was used before: then the payment is made by itself, which finds out why.
    Refusal: `looked_away`.
    """
    purchase = create.purchase
    sent = sent_of(sale.choice.provider, purchase, create.whence, sale.kept)
    known = await with_payer(payments, tenant, sale.line.manifest, purchase.player_id, sent)
    by = Asked(create.principal, whence=create.whence)
    request = request_of(sale.quote, purchase.player_id, known)
    manifest = sale.line.manifest
    sent = sent._replace(state_version=manifest.state_version, since=sale.line.since)
    start = FirstAttempt((create.payment_id, 1), sent, request, by, sale.choice.because)
    answers = await payments.journal.submit_all(tenant.schema, [create, start], bulk=False)
    if not all(isinstance(one, Receipt) and not one.replayed for one in answers):
        return LOOKED_AWAY if answers[-1] == LOOKED_AWAY else None
    payments.looks.remember(create.look)
    intent = create.made
    assert intent is not None, "its receipt is a fresh one"

    async def work() -> Dossier | None:
        said = await call_provider(payments, tenant, sale.line, start, intent)
        await fall_back(payments, tenant, intent, sent, by, said)
        return said.credited

    return work()


async def _first_attempt(
    payments: Payments,
    tenant: TenantRef,
    by: Asked,
    intent: Intent,
    purchase: Purchase,
    sale: Sale | None,
) -> None:
    line, kept = (None, None) if sale is None else (sale.line, sale.kept)
    sent = sent_of(intent.provider, purchase, by.whence, kept)
    because = msgspec.json.decode(intent.because, type=Because)
    await try_providers(payments, tenant, intent, sent, by, because, line)


async def _left_attempt(
    payments: Payments, tenant: TenantRef, by: Asked, payment_id: str, purchase: Purchase
) -> None:
    """Make the first attempt that an earlier call with the same key may have left undone."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    if intent is not None and intent.state is IntentState.CREATED:
        await _first_attempt(payments, tenant, by, intent, purchase, None)
