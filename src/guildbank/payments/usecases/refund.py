"""Refund captured money: coins and money set aside in one commit, then the provider is asked."""

from collections.abc import Sequence

import msgspec
import structlog

from guildbank.approvals import gate, is_waiting
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Sealed, Stage, facts
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.ledger import close_book, open_book
from guildbank.payments import store
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.refusals import (
    DISPUTE_OPEN,
    LEFT_CHANGED,
    NO_PAYMENT,
    NO_REFUND,
    NOT_REFUNDABLE,
)
from guildbank.payments.contracts.rows import Applied, Attempt, Refund, RefundState, Taking
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.store import ATTEMPTS, INTENTS, REFUNDS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.finish_refund import send_refund
from guildbank.payments.usecases.granting import Grant, granting
from guildbank.payments.usecases.money import MoneyAct, take, with_taken, write_taking
from guildbank.payments.usecases.refund_facts import refund_facts
from guildbank.payments.usecases.refund_reason import hash_before, seal_reason, with_reasons
from guildbank.payments.usecases.spent_coins import spent_default
from guildbank.payments.usecases.take_items import items_of
from guildbank.plugin_api import RefundRequest
from guildbank.tenancy import SpentCoins

log = structlog.get_logger(__name__)
NO_ATTEMPT = Refusal(code="not_found", detail="The payment has no such attempt.", field="attemptId")


class BeginRefund(MoneyAct):
    """Set coins and money of a refund aside, and record what its provider is asked.

    With a `grant` the player's request is granted in the same commit, or nothing happens.
    """

    verb = "payments.refund"
    __slots__ = ("command", "grant", "origin", "reason", "refund_id")

    def __init__(
        self,
        attempt: Attempt,
        principal: str,
        key: str | None,
        command: RefundCommand,
        origin: str,
        *,
        spent: SpentCoins = "refuse",
        items: Sequence[Item] = (),
        reason: Sealed | None = None,
        grant: Grant | None = None,
    ) -> None:
        super().__init__(attempt, principal, key, command, spent, items)
        self.grant = grant
        self.command = command
        self.reason = reason
        self.origin = origin
        self.refund_id = new_id("ref")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, the refund's place, and the request that it grants."""
        grant = [] if self.grant is None else self.grant.needs()
        return [*super().needs(stage), (REFUNDS, self.refund_id), *grant]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Take the coins. Refusals: `payment_not_refundable`, `exceeds_refundable`,
        `dispute_open`, `currency_mismatch`, `refund_exceeds_unspent`; with a grant
        `refund_request_closed`, `changed_meanwhile`.
        """
        rows = self.rows(stage)
        if rows is None:
            return NO_PAYMENT
        request = None if self.grant is None else self.grant.request(stage)
        if isinstance(request, Refusal):
            return request
        intent, attempt = rows
        if attempt.applied is None or attempt.captured_money is None:
            return NOT_REFUNDABLE
        if attempt.open_disputes > 0:
            return DISPUTE_OPEN
        if attempt.left_minor == 0:
            return NOT_REFUNDABLE
        if self.command.money not in (None, attempt.captured_money):
            return wrong_money(attempt.captured_money)
        amount = self.command.amount_minor or attempt.left_minor
        if amount > attempt.left_minor:
            return too_much(attempt.left_minor)
        if self.grant is not None and self.grant.amount_minor != amount:
            return LEFT_CHANGED
        book = open_book(stage)
        policy = self.spent_policy(stage, rows)
        taking = take(stage, book, rows, amount, True, spent=policy, items=self.items)
        if isinstance(taking, Refusal):
            return taking
        close_book(stage, book)
        refund = self._refund(stage, attempt, amount, taking)
        stage.put(REFUNDS, refund.id, refund)
        stage.put(
            ATTEMPTS,
            attempt.id,
            msgspec.structs.replace(attempt, refunding_minor=attempt.refunding_minor + amount),
        )
        stage.put(INTENTS, intent.id, with_taken(intent, taking, 1))
        told = refund_facts(refund, intent.player_id, taking)
        if self.grant is not None and request is not None:
            told["refundRequest"] = request.id
            self.grant.put(stage, request, refund, self.principal)
        payload = {} if self.reason is None else {"payload": self.reason.hash}
        return Draft("payments.refund_clawed", facts({**told, **payload}), self.reason)

    def _refund(self, stage: Stage, attempt: Attempt, amount: int, taking: Taking) -> Refund:
        request = RefundRequest(
            refund_id=self.refund_id,
            idempotency_key=f"{self.refund_id}:refund:1",
            attempt_id=attempt.id,
            payment_reference=attempt.reference or "",
            amount_minor=amount,
            currency=attempt.captured_money or "",
        )
        return Refund(
            id=self.refund_id, payment_id=attempt.payment_id, attempt_id=attempt.id,
            provider=attempt.provider, source=attempt.applied or Applied.UNAPPLIED,
            origin=self.origin, state=RefundState.CREATED, amount_minor=amount,
            money=attempt.captured_money or "", reason=None, reference=None,
            request=msgspec.json.encode(request).decode(), taking=write_taking(taking), code=None,
            created_at=stage.now, changed_at=stage.now,
            sealed_reason=None if self.reason is None else self.reason.ciphertext,
        )  # fmt: skip


def wrong_money(money: str) -> Refusal:
    """Return the refusal of an amount in another money than the payment's."""
    return Refusal(
        code="currency_mismatch",
        detail=f"The payment was captured in {money}; it is refunded in {money}.",
        field="amount.currency",
    )


def too_much(left_minor: int) -> Refusal:
    """Return the refusal of more than what is left of a payment."""
    return Refusal(
        code="exceeds_refundable",
        detail="More than what is captured and neither refunded, being refunded nor disputed.",
        field="amount",
        extra={"refundableMinor": left_minor},
    )


class StoredRefund(msgspec.Struct, frozen=True):
    """A refund as it waits for a second person; the command has the hash of its sealed reason."""

    command: RefundCommand
    reason: Sealed | None = None


async def refund_payment(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str,
    command: RefundCommand,
    *,
    permission: str | None = None,
) -> Refund | Receipt | Refusal:
    """Refund a payment, whole or in part. The same key answers with the same refund.

    Where a second person must agree, the receipt is that of the stored command; `permission` is
    what that person must have, where it is not that of refunds. Refusals:
    `not_found` (the payment, or the attempt that is named), `payment_not_refundable`,
    `exceeds_refundable`, `dispute_open`, `currency_mismatch`, `refund_exceeds_unspent`,
    `too_many_approvals`, `key_reused`, `tenant_suspended`; of a command that grants a request
    also `refund_request_closed`, `changed_meanwhile`.
    """
    if parse_id("pay", command.payment_id) is None:
        return NO_PAYMENT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, command.payment_id)
    if intent is None:
        return NO_PAYMENT
    sealed = await seal_reason(payments, tenant, intent.player_id, command.reason)
    if isinstance(sealed, Refusal):
        return sealed
    # The hash, salted under the person's key, stands for the reason in the command's fingerprint.
    hashed = msgspec.structs.replace(command, reason=None if sealed is None else sealed.hash)
    stored = StoredRefund(hashed, sealed)
    act = await refund_act(payments, tenant, principal, key, stored)
    if isinstance(act, Refusal):
        return act
    if command.reason is not None and sealed is None:
        # Of who was erased only the entry knows the hash that the same reason had.
        hashed = msgspec.structs.replace(command, reason=await hash_before(payments, tenant, act))
        stored = StoredRefund(hashed)
        act = await refund_act(payments, tenant, principal, key, stored)
        if isinstance(act, Refusal):
            return act
    gated = await gate(payments.four_eyes, tenant, act, act.verb, stored, permission=permission)
    outcome = await payments.journal.submit(tenant.schema, gated)
    if isinstance(outcome, Refusal) or is_waiting(outcome):
        return outcome
    refund = await finish(payments, tenant, outcome)
    if isinstance(refund, Refusal):
        return refund
    return (await with_reasons(payments, tenant, intent.player_id, [refund]))[0]


async def refund_act(
    payments: Payments, tenant: TenantRef, principal: str, key: str | None, stored: StoredRefund
) -> BeginRefund | Refusal:
    """Return the act of a refund by the tenant's policy of now.

    Refusals: `not_found` (the attempt that is named, or the request), `payment_not_refundable`.
    """
    command = stored.command
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempts = await store.attempts_of(tx.driver, command.payment_id)
    attempt = refundable(attempts, command.attempt_id)
    if isinstance(attempt, Refusal):
        return attempt
    spent = await spent_default(payments, tenant)
    grant = await granting(payments, tenant, attempt, command)
    if isinstance(grant, Refusal):
        return grant
    return BeginRefund(
        attempt, principal, key, command, "merchant", spent=spent,
        items=await items_of(payments, tenant, attempt), reason=stored.reason, grant=grant,
    )  # fmt: skip


def refundable(attempts: list[Attempt], named: str | None) -> Attempt | Refusal:
    """Return the attempt whose money a refund means: the named, the credited, else one set aside.

    The choice must not change when its money is gone, or a replayed key would meet another one.
    """
    if named is not None:
        return next((one for one in attempts if one.id == named), NO_ATTEMPT)
    credited = [one for one in attempts if one.applied is Applied.CREDITED]
    aside = [one for one in attempts if one.applied is Applied.UNAPPLIED]
    return next(iter((*credited, *aside)), NOT_REFUNDABLE)


async def finish(payments: Payments, tenant: TenantRef, receipt: Receipt) -> Refund | Refusal:
    """Ask the provider for the refund that an entry began, and return it as it stands."""
    refund_id = msgspec.json.decode(receipt.data)["refund"]
    await payments.wait(payments.start(send_refund(payments, tenant, refund_id)))
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refund = await store.refund_by_id(tx.driver, refund_id)
    return NO_REFUND if refund is None else refund


async def refund_unapplied(payments: Payments, tenant: TenantRef, attempt: Attempt) -> None:
    """Give back, once, all that an attempt captured and that bought nothing."""
    if attempt.applied is not Applied.UNAPPLIED:
        return
    command = RefundCommand(
        payment_id=attempt.payment_id, amount_minor=None, money=None, reason=None
    )
    act = BeginRefund(attempt, "system", f"{attempt.id}:unapplied", command, "system")
    outcome = await payments.journal.submit(tenant.schema, act)
    if not isinstance(outcome, Refusal):
        await finish(payments, tenant, outcome)
    else:
        log.warning("unapplied_not_refunded", attempt=attempt.id, code=outcome.code)
