"""Confirm a payment: a buyer or an operator gives what its provider takes for money that came."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from guildbank.approvals import gate, is_waiting
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Outcome, Receipt, Stage, recall
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import store
from guildbank.payments.asking import ask_confirmation
from guildbank.payments.contracts.refusals import (
    BUYERS_CONFIRM,
    CAPTURED_BEFORE,
    NO_CHANGE,
    NO_PAYMENT,
    NOT_AWAITED,
    NOT_BY_YOU,
    PROVIDER_SILENT,
    TAKES_NO_CONFIRMATION,
    TENANT_SUSPENDED,
    TRANSACTION_USED,
)
from guildbank.payments.contracts.rows import Attempt, AttemptState, Intent
from guildbank.payments.contracts.sale import Fulfilment
from guildbank.payments.rules import ENDED_INTENTS
from guildbank.payments.store import ATTEMPT_REFERENCES, ATTEMPTS
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.adopt import adopt
from guildbank.payments.usecases.capture import capture_approved, is_ours_to_capture
from guildbank.payments.usecases.hand_in import hand_in
from guildbank.payments.usecases.open_money import open_money
from guildbank.payments.usecases.settle import (
    Settle,
    Terms,
    after_settling,
    settle,
    terms_of,
)
from guildbank.plugin_api import (
    Confirmation,
    Confirmer,
    Confirms,
    NotConfirmed,
    OutcomeStatus,
    PaymentRequest,
)
from guildbank.plugin_api import Outcome as Said

NO_ATTEMPT = Refusal(code="not_found", detail="The payment has no such attempt.", field="attemptId")
WORD = 200
"""Characters of a word for any provider that is no store, whose proofs are longer."""
WORD_TOO_LONG = Refusal(
    code="out_of_range",
    detail=f"A value in data must have at most {WORD} characters.",
    field="data",
)
_REQUESTS = msgspec.json.Decoder(PaymentRequest)
_WAITING = (AttemptState.PENDING, AttemptState.UNKNOWN)


class ConfirmCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What is confirmed, and with what; without an attempt the payment's newest is meant."""

    payment_id: str
    attempt_id: str | None
    data: Mapping[str, str]


class Confirming(NamedTuple):
    """Who confirms, and as what."""

    principal: str
    by: Confirmer


class Key(NamedTuple):
    """The caller's key, and the keyed hash that stands for the command in its fingerprint."""

    text: str
    command: str


class ConfirmPayment(Settle):
    """Settle by somebody's word: the act is theirs, and under their key.

    That one transaction pays once is seen by the provider's references of all attempts.
    """

    verb = "payments.confirm"
    __slots__ = ()

    def __init__(
        self,
        fulfilment: Fulfilment,
        attempt: Attempt,
        said: Said,
        principal: str,
        key: Key | None,
        terms: Terms | None = None,
    ) -> None:
        super().__init__(fulfilment, attempt, said, terms)
        text, command = (None, None) if key is None else key
        PaymentAct.__init__(self, attempt.payment_id, principal, text, command)

    @property
    def place(self) -> tuple[str, str]:
        """The transaction's name at the provider."""
        return (self.provider, self.outcome.reference or "")

    def needs(self, stage: Stage) -> list[Need]:
        """Return what settling needs, and the attempt that the transaction paid for, if any."""
        return [*super().needs(stage), (ATTEMPT_REFERENCES, self.place)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it, or that it was rejected.

        Refusals: `transaction_used`, `payment_not_confirmable` (captured or ended before).
        """
        paid = stage.get(ATTEMPT_REFERENCES, self.place)
        if paid is not None and paid.id != self.attempt_id:
            return TRANSACTION_USED
        draft = super().decide(stage)
        if self.outcome.status is not OutcomeStatus.PROCESSED:
            return NOT_AWAITED if draft == NO_CHANGE else draft
        if isinstance(draft, Refusal):
            return CAPTURED_BEFORE if draft == NO_CHANGE else draft
        stage.put(ATTEMPT_REFERENCES, self.place, stage.get(ATTEMPTS, self.attempt_id))
        return draft

    def reference_of(self, attempt: Attempt) -> str | None:
        """Return the transaction: what the provider called the attempt until now is over."""
        return self.outcome.reference or attempt.reference


async def confirm_payment(
    payments: Payments, tenant: TenantRef, who: Confirming, key: str, command: ConfirmCommand
) -> Receipt | Refusal | None:
    """Hand over what confirms a payment, and book what its provider makes of it.

    The receipt is of what was booked, or of a command that waits for a second person; None where
    nothing was booked and the payment stands as it does. The same key answers alike. What a buyer
    gives of a provider that leaves it to an operator is kept until one decides. What a store sold
    further under a paid payment's names, such as a renewal, is booked as a payment of its own, and
    None is returned, as for one that was booked before. Refusals:
    `not_found`, `forbidden`, `payment_not_confirmable`, `confirmation_refused`,
    `transaction_used`, `out_of_range`, `provider_silent`,
    `too_many_confirmations`, `too_many_approvals`, `unknown_provider`,
    `sandbox_refused`, `key_reused`, `tenant_suspended`, and where our own call takes the money
    `purchase_vetoed`, which ends the payment, and `gate_unavailable`. Raises Unavailable and
    StoreAway.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    found = await _attempt(payments, tenant, command)
    if isinstance(found, Refusal):
        return found
    intent, attempt = found
    named = Key(key, await _hash(payments, tenant, command))
    # What was booked under the key is found before anybody is asked again.
    nothing = Said(status=OutcomeStatus.UNKNOWN)
    again = ConfirmPayment(payments.fulfilment, attempt, nothing, who.principal, named)
    if await recall(payments.db, tenant.schema, again) is not None:
        return await payments.journal.submit(tenant.schema, again)
    said = await _ask(payments, tenant, intent, attempt, who.by, command)
    if isinstance(said, Refusal):
        return said
    if attempt.state is AttemptState.CAPTURED:
        return await _sold_again(payments, tenant, attempt, said)
    if said.status is not OutcomeStatus.PROCESSED and not _is_rejection(who, said):
        if attempt.state not in _WAITING:
            return None
        if who.by == "buyer" and _waits_for_operator(payments, attempt, said):
            refused = await hand_in(payments, tenant, found, command.data)
            if refused is not None:
                return refused
        await settle(payments, tenant, attempt, said)
        return None
    await open_money(payments, tenant, said)
    terms = terms_of(payments, attempt.provider)
    act = ConfirmPayment(payments.fulfilment, attempt, said, who.principal, named, terms)
    if who.by == "buyer" or said.status is not OutcomeStatus.PROCESSED:
        outcome = await payments.journal.submit(tenant.schema, act)
    else:
        gated = await gate(payments.four_eyes, tenant, act, act.verb, command)
        outcome = await payments.journal.submit(tenant.schema, gated)
    return await _returned(payments, tenant, attempt, said, outcome)


async def confirming(
    payments: Payments, tenant: TenantRef, principal: str, command: ConfirmCommand
) -> ConfirmPayment | Refusal:
    """Return the act of an operator's confirmation that a second person agreed to.

    Refusals: those of `confirm_payment` that its provider's answer leads to.
    """
    found = await _attempt(payments, tenant, command)
    if isinstance(found, Refusal):
        return found
    said = await _ask(payments, tenant, *found, "operator", command)
    if isinstance(said, Refusal):
        return said
    if said.status is not OutcomeStatus.PROCESSED:
        return NOT_AWAITED
    await open_money(payments, tenant, said)
    return ConfirmPayment(payments.fulfilment, found[1], said, principal, None)


async def _sold_again(
    payments: Payments, tenant: TenantRef, attempt: Attempt, said: Said
) -> Refusal | None:
    """Book what a store sold further under a paid payment's names; None once it is booked.

    So is the purchase that paid: the store may have told of it before the player's app could.
    Refusals: `payment_not_confirmable` for one whose money is back; `provider_silent`, and those of
    `adopt`.
    """
    if said.status in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED):
        return CAPTURED_BEFORE
    if said.status is not OutcomeStatus.PROCESSED:
        return PROVIDER_SILENT
    if said.reference == attempt.reference:
        return None
    booked = await adopt(payments, tenant, attempt, said)
    # Who is second in a race is refused by the purchase's key, and it is booked.
    if isinstance(booked, Receipt) or booked.code in (NO_CHANGE.code, "key_reused"):
        return None
    return booked


def _is_rejection(who: Confirming, said: Said) -> bool:
    """Say whether an operator ends the attempt, which is then theirs like a yes would be."""
    ends = (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED)
    return who.by == "operator" and said.status in ends


def _waits_for_operator(payments: Payments, attempt: Attempt, said: Said) -> bool:
    """Say whether what a buyer gave is for an operator to look at."""
    plugin = payments.plugins.provider(attempt.provider)
    either = plugin is not None and plugin.manifest.confirmed_by == "either"
    return either and said.status is OutcomeStatus.PENDING


async def _returned(
    payments: Payments, tenant: TenantRef, attempt: Attempt, said: Said, outcome: Outcome
) -> Outcome | None:
    """Go on with what was booked. A store's further purchase may have come at the same time."""
    if outcome == CAPTURED_BEFORE and terms_of(payments, attempt.provider).by_store:
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            paid = await store.attempt_by_id(tx.driver, attempt.id)
        return outcome if paid is None else await _sold_again(payments, tenant, paid, said)
    if isinstance(outcome, Receipt) and not is_waiting(outcome):
        await after_settling(payments, tenant, attempt, outcome)
    return outcome


async def _attempt(
    payments: Payments, tenant: TenantRef, command: ConfirmCommand
) -> tuple[Intent, Attempt] | Refusal:
    """Return the attempt that is confirmed, with its payment."""
    if parse_id("pay", command.payment_id) is None:
        return NO_PAYMENT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, command.payment_id)
        attempts = await store.attempts_of(tx.driver, command.payment_id)
    if intent is None:
        return NO_PAYMENT
    wanted = command.attempt_id or intent.attempt_id
    attempt = next((one for one in attempts if one.id == wanted), None)
    if attempt is None:
        return NOT_AWAITED if command.attempt_id is None else NO_ATTEMPT
    return intent, attempt


async def _ask(
    payments: Payments,
    tenant: TenantRef,
    intent: Intent,
    attempt: Attempt,
    by: Confirmer,
    command: ConfirmCommand,
) -> Said | Refusal:
    """Return what the provider makes of the data; outside of any transaction."""
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return line
    plugin = line.plugin
    if not isinstance(plugin, Confirms) or line.manifest.confirmed_by is None:
        return TAKES_NO_CONFIRMATION
    if not line.manifest.sold_by_store and max(map(len, command.data.values()), default=0) > WORD:
        return WORD_TOO_LONG
    if line.manifest.confirmed_by not in (by, "either"):
        return NOT_BY_YOU if by == "buyer" else BUYERS_CONFIRM
    if attempt.state is AttemptState.CAPTURED and not line.manifest.sold_by_store:
        return CAPTURED_BEFORE
    # Money that came late is booked and given back; what a buyer could still keep is not taken. A
    # store has taken it already.
    ended = attempt.state not in _WAITING or intent.state in ENDED_INTENTS
    ended = ended and not line.manifest.sold_by_store
    if attempt.state is AttemptState.CREATED or (by == "buyer" and ended):
        return NOT_AWAITED
    counted = await payments.guesses.begin(tenant, intent.player_id) if by == "buyer" else None
    if isinstance(counted, Refusal):
        return counted
    given = Confirmation(
        request=_REQUESTS.decode(attempt.request),
        reference=attempt.reference,
        data=command.data,
        by=by,
    )
    said = await ask_confirmation(line, plugin.confirm(line.context, given))
    if isinstance(said, NotConfirmed):
        return refused_as(said)
    if counted is not None:
        await payments.guesses.take_back(counted)
    if by == "buyer" and is_ours_to_capture(line, said):
        return await capture_approved(payments, tenant, line, attempt)
    return said


def refused_as(said: NotConfirmed) -> Refusal:
    """Return the refusal of data that confirm nothing."""
    return Refusal(
        code="confirmation_refused",
        detail=said.detail[:500],
        field="data" if said.field is None else f"data.{said.field[:40]}",
        extra={"reason": said.code[:64]},
    )


async def _hash(payments: Payments, tenant: TenantRef, command: ConfirmCommand) -> str:
    """Return what stands for the command in its fingerprint: data may be short enough to guess."""
    return await hash_of(payments, tenant, msgspec.json.encode(command, order="deterministic"))


async def hash_of(payments: Payments, tenant: TenantRef, command: bytes) -> str:
    """Return the hash of a command under the tenant's key."""
    key = await payments.tenants.data_key(tenant.id)
    assert key is not None, "a tenant that takes payments has its key"
    return key.hash(b"payments.confirmation", command).hex()
