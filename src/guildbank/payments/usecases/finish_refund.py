"""Send a refund and record what the provider says: money gone, or coins and money given back."""

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import Leg, close_book, open_book
from guildbank.payments import posting, store
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_REFUND
from guildbank.payments.contracts.rows import Attempt, Intent, Refund, RefundState, Taking
from guildbank.payments.rules import OPEN_REFUNDS, refund_after
from guildbank.payments.store import ATTEMPTS, INTENTS, REFUNDS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.money import (
    MoneyAct,
    Rows,
    failed_if_all_back,
    let_go,
    read_taking,
    untake,
    with_taken,
    write_taking,
)
from guildbank.payments.usecases.refund_reason import with_reasons
from guildbank.plugin_api import Outcome, OutcomeStatus, RefundRequest

log = structlog.get_logger(__name__)
_REQUESTS = msgspec.json.Decoder(RefundRequest)


class FinishRefund(MoneyAct):
    """Record an outcome of a refund."""

    verb = "payments.refund_finish"
    __slots__ = ("outcome", "refund_id")

    def __init__(self, attempt: Attempt, refund: Refund, outcome: Outcome) -> None:
        key = None
        if (after := refund_after(refund.state, outcome.status)) in _ENDS:
            key = f"{refund.id}:{after}"
        super().__init__(attempt, provider_principal(refund.provider), key, refund.id)
        self.refund_id = refund.id
        self.outcome = outcome

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, and the refund."""
        return [*super().needs(stage), (REFUNDS, self.refund_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Return the draft of what is new, or `no_change`."""
        rows, refund = self.rows(stage), stage.get(REFUNDS, self.refund_id)
        if rows is None or refund is None:
            return NO_REFUND
        after = refund_after(refund.state, self.outcome.status)
        if after is None:
            return NO_CHANGE
        fresh = msgspec.structs.replace(
            refund,
            state=after,
            reference=self.reference_of(refund),
            code=self.outcome.code,
            changed_at=stage.now,
        )
        if after is RefundState.SUCCEEDED:
            return self._gone(stage, rows, fresh)
        if after is RefundState.FAILED:
            return self._restored(stage, rows, refund, fresh)
        stage.put(REFUNDS, refund.id, fresh)
        told = {"payment": refund.payment_id, "refund": refund.id, "state": after}
        return Draft(f"payments.refund_{after}", facts(told))

    def reference_of(self, refund: Refund) -> str | None:
        """Return by which name of the provider's the refund is known from now on."""
        return refund.reference or self.outcome.reference

    def _gone(self, stage: Stage, rows: Rows, refund: Refund) -> Draft | Refusal:
        """Book the money out: the provider paid it back."""
        money, amount = refund.money, refund.amount_minor
        book = open_book(stage)
        to = posting.provider_account(money, refund.provider)
        refusal = book.post([Leg((posting.refunding(money),), to, amount)])
        if refusal is not None:
            return refusal
        close_book(stage, book)
        attempt = msgspec.structs.replace(
            rows.attempt,
            refunding_minor=rows.attempt.refunding_minor - amount,
            refunded_minor=rows.attempt.refunded_minor + amount,
        )
        _put(stage, failed_if_all_back(rows.intent, attempt), attempt, refund)
        return Draft("payments.refunded", facts(_facts(refund, rows.intent)))

    def _restored(
        self, stage: Stage, rows: Rows, before: Refund, refund: Refund
    ) -> Draft | Refusal:
        """Give coins and money back to where they were: the provider did not pay, or it failed."""
        amount = refund.amount_minor
        waiting = before.state in OPEN_REFUNDS
        attempt = msgspec.structs.replace(
            rows.attempt,
            refunding_minor=rows.attempt.refunding_minor - (amount if waiting else 0),
            refunded_minor=rows.attempt.refunded_minor - (0 if waiting else amount),
        )
        book = open_book(stage)
        taking = read_taking(refund.taking)
        given = untake(book, Rows(rows.intent, attempt), amount, taking, waiting)
        if isinstance(given, Refusal):
            return given
        close_book(stage, book)
        empty = msgspec.structs.replace(refund, taking=write_taking(Taking()))
        _put(stage, with_taken(rows.intent, given, -1), attempt, empty)
        told = {
            **_facts(refund, rows.intent),
            "coins": given.paid,
            "bonus": given.bonus,
            **let_go(given),
        }
        return Draft("payments.refund_restored", facts({**told, "code": refund.code}))


_ENDS = (RefundState.SUCCEEDED, RefundState.FAILED)


def _put(stage: Stage, intent: Intent, attempt: Attempt, refund: Refund) -> None:
    stage.put(INTENTS, intent.id, intent)
    stage.put(ATTEMPTS, attempt.id, attempt)
    stage.put(REFUNDS, refund.id, refund)


def _facts(refund: Refund, intent: Intent) -> dict[str, object]:
    return {
        "payment": refund.payment_id,
        "refund": refund.id,
        "player": intent.player_id,
        "provider": refund.provider,
        "reference": refund.reference,
        "money": refund.money,
        "amount": refund.amount_minor,
        "currency": intent.currency,
    }


async def send_refund(payments: Payments, tenant: TenantRef, refund_id: str) -> None:
    """Ask the provider to pay a refund that was never asked for; else see how it stands."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refund = await store.refund_by_id(tx.driver, refund_id)
    if refund is not None and refund.state is RefundState.CREATED:
        await _ask(payments, tenant, refund)


async def look_at_refund(payments: Payments, tenant: TenantRef, refund: Refund) -> bool:
    """Ask the provider how a refund stands; one that never arrived is sent again.

    The same request goes under the same key, and only while providers keep keys. Returns False
    if the provider cannot tell.
    """
    line = await line_about(payments, tenant, refund.provider, refund.payment_id)
    if isinstance(line, Refusal):
        return False
    request = await _request(payments, tenant, refund)
    outcome = await ask_provider(
        line, line.plugin.fetch_refund(line.context, request, refund.reference)
    )
    never = outcome.status is OutcomeStatus.CANCELED and outcome.code == "not_found"
    young = payments.clock.now() - refund.created_at < payments.timing.resend
    if never and young and refund.reference is None and refund.state in OPEN_REFUNDS:
        await _ask(payments, tenant, refund)
        return True
    told = outcome.status is not OutcomeStatus.UNKNOWN
    if told or refund.state is RefundState.CREATED:
        await finish_refund(payments, tenant, refund, outcome)
    return told


async def _ask(payments: Payments, tenant: TenantRef, refund: Refund) -> None:
    line = await line_about(payments, tenant, refund.provider, refund.payment_id)
    if isinstance(line, Refusal):
        log.warning("refund_not_sent", refund=refund.id, code=line.code)
        return
    request = await _request(payments, tenant, refund)
    outcome = await ask_provider(line, line.plugin.refund(line.context, request))
    await finish_refund(payments, tenant, refund, outcome)


async def _request(payments: Payments, tenant: TenantRef, refund: Refund) -> RefundRequest:
    """Return the request as it was recorded, with its reason in clear."""
    request = _REQUESTS.decode(refund.request)
    if refund.sealed_reason is None:
        return request
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, refund.payment_id)
    if intent is None:
        return request
    known = (await with_reasons(payments, tenant, intent.player_id, [refund]))[0]
    return msgspec.structs.replace(request, reason=known.reason)


async def finish_refund(
    payments: Payments, tenant: TenantRef, refund: Refund, outcome: Outcome
) -> Receipt | Refusal:
    """Record what the provider said of a refund, once."""
    said = (outcome.amount_minor, outcome.currency)
    if outcome.status is OutcomeStatus.PROCESSED and said != (refund.amount_minor, refund.money):
        # It paid something, but not what was asked: a person has to look.
        log.error("refund_conflicted", refund=refund.id, reference=outcome.reference)
        outcome = Outcome(
            status=OutcomeStatus.UNKNOWN, reference=outcome.reference, code="amount_differs"
        )
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempt = await store.attempt_by_id(tx.driver, refund.attempt_id)
    if attempt is None:
        return NO_REFUND
    act = FinishRefund(attempt, refund, outcome)
    receipt = await payments.journal.submit(tenant.schema, act)
    if isinstance(receipt, Refusal) and receipt.code != "no_change":
        log.error("refund_not_recorded", refund=refund.id, code=receipt.code)
    return receipt
