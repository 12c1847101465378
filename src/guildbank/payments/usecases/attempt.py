"""Try to take the money: middleware, the request recorded in one commit, then the provider."""

from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog

from guildbank.identity import PLAYERS, account_elsewhere, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import BARS
from guildbank.payments.archive import Subject
from guildbank.payments.asking import ask_provider
from guildbank.payments.charged import charges_of
from guildbank.payments.contracts.refusals import ACCOUNT_CHANGED, NOT_RETRYABLE
from guildbank.payments.contracts.refusals_saved import METHOD_GONE
from guildbank.payments.contracts.rows import Attempt, AttemptState, Dossier, Intent, IntentState
from guildbank.payments.contracts.sale import NOWHERE, Purchase, Quote, Whence
from guildbank.payments.contracts.saved import CustomerState, MethodState, Saving
from guildbank.payments.posting import coins_of
from guildbank.payments.saved import CUSTOMERS, METHODS
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.accounts import Line, line_for_sale
from guildbank.payments.usecases.ask_steps import ask_steps
from guildbank.payments.usecases.choose_method import NO_WISH, Kept, MethodWish, choose_method
from guildbank.payments.usecases.end import end_payment
from guildbank.payments.usecases.keep_checks import keep_checks
from guildbank.payments.usecases.limits import (
    keep_room_for,
    reserve,
    reserved_needs,
    room_needs,
    uses_of,
)
from guildbank.payments.usecases.look_at_method import refresh_method
from guildbank.payments.usecases.settle import settle_first
from guildbank.payments.usecases.used_account import account_needs, use_account
from guildbank.pipelines import Answer, Because, Passage, pinned
from guildbank.plugin_api import (
    Manifest,
    Outcome,
    OutcomeStatus,
    Payer,
    PaymentRequest,
    PurchaseView,
)

log = structlog.get_logger(__name__)
OPEN_FOR_ATTEMPTS = frozenset({IntentState.CREATED, IntentState.REQUIRES_PAYMENT_METHOD})
_ENDS = BARS | {METHOD_GONE.code, ACCOUNT_CHANGED.code}
"""Refusals of a first attempt after which there is nothing to wait for."""


class Asked(NamedTuple):
    """Who asks for an attempt, from where; with a key, a repeated call makes no other one."""

    principal: str
    key: str | None = None
    whence: Whence = NOWHERE


class Sent(NamedTuple):
    """Where an attempt goes, and what of the buyer's goes along.

    `wish` is what is asked of saved methods, and `kept` what was found for it. `state_version` is
    that of the plugin's manifest, and `since` the line's: which account of the tenant's it goes to.
    """

    provider: str
    method: str | None
    return_url: str | None
    payer: Payer | None = None
    wish: MethodWish = NO_WISH
    kept: Kept | None = None
    state_version: int = 1
    since: datetime | None = None


class Said(NamedTuple):
    """What a provider said of an attempt; `credited` is the payment if that credited it."""

    outcome: Outcome
    credited: Dossier | None


class StartAttempt(PaymentAct):
    """Record an attempt with its exact request, before the request leaves."""

    verb = "payments.attempt"
    rounds = 3
    __slots__ = (
        "because",
        "checked",
        "device",
        "kept",
        "made",
        "number",
        "provider",
        "request",
        "since",
        "state_version",
    )

    def __init__(
        self,
        place: tuple[str, int],
        sent: Sent,
        request: PaymentRequest,
        by: Asked,
        because: Because,
        checked: tuple[Answer, ...] = (),
    ) -> None:
        """`place` is the payment and which of its attempts this is, from 1."""
        payment_id, self.number = place
        # Only what the caller named: a repeated call may come from elsewhere, to a new account.
        named = () if sent.payer is None or sent.payer.subject is None else (sent.payer.subject,)
        wanted = (sent.wish,) if sent.wish else ()
        command = (payment_id, sent.provider, sent.method, sent.return_url, *named, *wanted)
        super().__init__(payment_id, by.principal, by.key, command)
        self.provider = sent.provider
        self.kept = sent.kept
        self.request = request
        self.because = because
        self.checked = checked
        self.device = by.whence.device
        self.state_version = sent.state_version
        self.since = sent.since
        self.made: Attempt | None = None

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment, the attempt's place, the payment's counters, and what is saved."""
        needs = [*super().needs(stage), (ATTEMPTS, self.request.attempt_id), *self.needs_beside()]
        if stage.loaded(INTENTS, self.payment_id):
            intent = stage.get(INTENTS, self.payment_id)
            if intent is not None:
                needs += [*reserved_needs(intent), (PLAYERS, intent.player_id)]
                if not intent.reserved:
                    needs += room_needs(stage, intent.player_id, intent.currency)
        return needs

    def needs_beside(self) -> list[Need]:
        """Return what is needed besides the payment: the account, and what is saved there."""
        needs = [account_needs(self.provider)]
        if self.kept is not None:
            needs.append((CUSTOMERS, self.kept.customer_id))
            if self.kept.method_id is not None:
                needs.append((METHODS, self.kept.method_id))
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Refuse with `payment_not_retryable` when the payment awaits no attempt.

        Further: `player_suspended`, `player_closed`, `limit_reached`, `currency_inactive`,
        `ceiling_exceeded`, `total_overflow`, `payment_method_removed`, `account_changed`.
        """
        intent = stage.get(INTENTS, self.payment_id)
        if intent is None or intent.state not in OPEN_FOR_ATTEMPTS:
            return NOT_RETRYABLE
        if intent.attempts + 1 != self.number or intent.expires_at <= stage.now:
            return NOT_RETRYABLE
        player = stage.get(PLAYERS, intent.player_id)
        if player is not None and (barred := barred_by(player.state)) is not None:
            return barred
        if self._is_gone(stage):
            return METHOD_GONE
        if (moved := use_account(stage, self.provider, self.since)) is not None:
            return moved
        room: bool | Refusal = intent.room
        if not intent.reserved:
            if (full := reserve(stage, uses_of(intent))) is not None:
                return full
            room = keep_room_for(stage, intent.player_id, intent.currency, coins_of(intent))
            if isinstance(room, Refusal):
                return room
        because = msgspec.json.encode(self.because).decode()
        attempt = Attempt(
            id=self.request.attempt_id, payment_id=intent.id, number=self.number,
            provider=self.provider, state=AttemptState.CREATED, reference=None,
            request=_stored(self.request), action=None, code=None,
            applied=None, captured_minor=0, captured_money=None, refunding_minor=0,
            refunded_minor=0, disputed_minor=0, open_disputes=0, created_at=stage.now,
            changed_at=stage.now, because=because, state_version=self.state_version,
        )  # fmt: skip
        attempt = self._with_kept(attempt)
        stage.put(ATTEMPTS, attempt.id, attempt)
        self.made = attempt
        keep_checks(stage, intent.id, self.number, self.checked)
        stage.put(
            INTENTS,
            intent.id,
            msgspec.structs.replace(
                intent, state=IntentState.PROCESSING, attempts=self.number, attempt_id=attempt.id,
                provider=self.provider, reserved=True, problem=None, because=because,
                changed_at=stage.now, device=self.device or intent.device, room=room,
            ),
        )  # fmt: skip
        told = {"payment": intent.id, "attempt": attempt.id, "number": self.number}
        chosen = {"provider": self.provider, "by": self.because.by, "route": self.because.route}
        return Draft("payments.attempted", facts({**told, **chosen, **self._told_of_kept()}))

    def _is_gone(self, stage: Stage) -> bool:
        """Say whether what it is to be charged to was let go of in between."""
        kept = self.kept
        if kept is None:
            return False
        customer = stage.get(CUSTOMERS, kept.customer_id)
        if customer is None or customer.state is not CustomerState.OPEN:
            return True
        method = None if kept.method_id is None else stage.get(METHODS, kept.method_id)
        return kept.method_id is not None and (
            method is None or method.state is not MethodState.SAVED
        )

    def _with_kept(self, attempt: Attempt) -> Attempt:
        kept = self.kept
        if kept is None:
            return attempt
        saves = Saving.ASKED if kept.on_file.keep else None
        return msgspec.structs.replace(
            attempt, method_id=kept.method_id, customer_id=kept.customer_id, saves=saves,
            saves_by=None if saves is None else self.principal,
        )  # fmt: skip

    def _told_of_kept(self) -> dict[str, object]:
        if self.kept is None:
            return {}
        if self.kept.on_file.keep:
            return {"saves": True, "consent": self.principal}
        return {"method": self.kept.method_id}


def _stored(request: PaymentRequest) -> str:
    """Return the request as it is stored; names of saved methods are sealed in their own rows."""
    return msgspec.json.encode(msgspec.structs.replace(request, on_file=None)).decode()


async def start_attempt(
    payments: Payments,
    tenant: TenantRef,
    intent: Intent,
    sent: Sent,
    by: Asked,
    because: Because,
    line: Line | None = None,
) -> Said | Refusal | None:
    """Make one attempt, record its outcome and return it; None where an earlier call made it.

    `line` leads to the provider, where the caller has it already.
    Refusals: `unknown_provider`, `sandbox_refused`, `payment_not_retryable`, `limit_reached`,
    `currency_inactive`, `ceiling_exceeded`, `total_overflow`, `player_suspended`,
    `player_closed`, `account_changed`, those of `choose_method`, and those of the middleware
    stage, which end a payment that never had an attempt.
    """
    if line is None:
        found = await line_for_sale(payments, tenant, sent.provider)
        if isinstance(found, Refusal):
            return found
        line = found
    passage = await _ask_gates(payments, tenant, intent, sent.provider, by.whence)
    if (refusal := passage.refusal) is not None:
        if intent.state is IntentState.CREATED:
            await end_payment(
                payments, tenant, intent, IntentState.FAILED, problem=refusal.code,
                detail=refusal.detail, checked=passage.answers,
            )  # fmt: skip
        return refusal
    known = await with_payer(payments, tenant, line.manifest, intent.player_id, sent)
    known = known._replace(state_version=line.manifest.state_version, since=line.since)
    chosen = await _with_method(payments, tenant, line, intent, known, by)
    if isinstance(chosen, Refusal):
        return chosen
    request = request_of(intent, intent.player_id, chosen)
    place = (intent.id, intent.attempts + 1)
    act = StartAttempt(place, chosen, request, by, because, passage.answers)
    receipt = await payments.journal.submit(tenant.schema, act)
    if not isinstance(receipt, Receipt):
        if intent.state is IntentState.CREATED and receipt.code in _ENDS:
            await end_payment(payments, tenant, intent, IntentState.FAILED, problem=receipt.code)
        return receipt
    return None if receipt.replayed else await call_provider(payments, tenant, line, act, intent)


async def _ask_gates(
    payments: Payments, tenant: TenantRef, intent: Intent, provider: str, whence: Whence
) -> Passage:
    """Ask the checks of the payment's own revision, and those that were published since."""
    began = (intent.purpose, intent.revision)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        checks = await pinned(payments.pipelines, tx.driver, tenant.schema, began, intent.player_id)
    view = purchase_view(intent, intent, provider, intent.id, whence)
    return await ask_steps(payments, tenant, checks, view, intent.id)


def request_of(sale: Quote | Intent, player_id: str, sent: Sent) -> PaymentRequest:
    """Return the exact request of an attempt, with an id of its own."""
    attempt_id = new_id("att")
    return PaymentRequest(
        attempt_id=attempt_id,
        idempotency_key=f"{attempt_id}:create:1",
        amount_minor=sale.amount_minor,
        currency=sale.money,
        description=sale.title,
        player_id=player_id,
        method=sent.method,
        return_url=sent.return_url,
        payer=sent.payer,
        product_id=sale.product_id,
        on_file=None if sent.kept is None else sent.kept.on_file,
    )


async def _with_method(
    payments: Payments, tenant: TenantRef, line: Line, intent: Intent, sent: Sent, by: Asked
) -> Sent | Refusal:
    """Return what is sent with the saved method that is asked for, where none was found before.

    A payment that never had an attempt ends where there is none to be found.
    """
    if not sent.wish or sent.kept is not None:
        return sent
    kept = await choose_method(payments, tenant, line, intent.player_id, sent.wish, by.principal)
    if not isinstance(kept, Refusal):
        return sent._replace(kept=kept)
    if intent.state is IntentState.CREATED:
        await end_payment(payments, tenant, intent, IntentState.FAILED, problem=kept.code)
    return kept


async def with_payer(
    payments: Payments, tenant: TenantRef, manifest: Manifest, player_id: str, sent: Sent
) -> Sent:
    """Return what is sent with who pays, for a provider that has to know, and without for others.

    Where the caller names no account there it is that by which the player signs in.
    """
    issuer, named = manifest.payer_issuer, sent.payer or Payer()
    if issuer is None:
        return sent._replace(payer=None)
    if named.subject is None:
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            subject = await account_elsewhere(tx.driver, player_id, issuer)
        named = msgspec.structs.replace(named, subject=subject)
    return sent._replace(payer=named)


async def call_provider(
    payments: Payments, tenant: TenantRef, line: Line, begun: StartAttempt, intent: Intent
) -> Said:
    """Call the provider of an attempt that was just recorded, record what it said, and return it.

    Outside any transaction.
    """
    assert begun.made is not None, "its receipt is a fresh one"
    line = line.about(payments, tenant, Subject(begun.payment_id))
    call = line.plugin.create_payment(line.context, begun.request)
    outcome = await ask_provider(line, call)
    answered = outcome.status is not OutcomeStatus.UNKNOWN
    if payments.rates.of((tenant.schema, line.manifest.id)).tell(worked=answered):
        log.error("provider_rests", tenant=tenant.slug, provider=line.manifest.id)
    credited = await settle_first(payments, tenant, begun.made, outcome, intent)
    if outcome.status is OutcomeStatus.DECLINED and begun.made.method_id is not None:
        # It may be gone at the provider, without anybody here having heard of that.
        payments.start(refresh_method(payments, tenant, begun.made.method_id))
    return Said(outcome, credited)


def purchase_view(
    asked: Purchase | Intent,
    sale: Quote | Intent,
    provider: str,
    payment_id: str = "",
    whence: Whence = NOWHERE,
) -> PurchaseView:
    """Return a purchase as the stages before the provider see it.

    Whoever asks again without a device's token is taken to sit at the same device.
    """
    known = asked.device if isinstance(asked, Intent) else None
    return PurchaseView(
        payment_id=payment_id,
        player_id=asked.player_id,
        purpose=sale.purpose,
        provider=provider,
        amount_minor=sale.amount_minor,
        currency=sale.money,
        country=asked.country,
        platform=asked.platform,
        annotations={},
        product_id=sale.product_id,
        game_currency=sale.currency,
        coins=sale.coins,
        bonus=sale.bonus,
        address=whence.address,
        device=whence.device or known,
        charges=charges_of(sale) if isinstance(sale, Intent) else (),
    )
