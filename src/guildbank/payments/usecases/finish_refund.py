"""Send a refund and record what the provider says: money gone, or coins and money given back."""

from collections.abc import Callable, Sequence

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import Leg, close_book, open_book
from guildbank.payments import posting, store
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.refusals import LEFT_CHANGED, NO_CHANGE, NO_REFUND
from guildbank.payments.contracts.rows import (
    Attempt,
    Dispute,
    Intent,
    Refund,
    RefundState,
    Taking,
)
from guildbank.payments.rules import CLOSED_DISPUTES, OPEN_REFUNDS, refund_after
from guildbank.payments.store import ATTEMPTS, DISPUTE_REFERENCES, DISPUTES, INTENTS, REFUNDS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.bar_refund import UNSENT, barred, bars_refunds
from guildbank.payments.usecases.foreign_refund import BookForeignRefund
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
from guildbank.payments.usecases.spent_coins import spent_default
from guildbank.payments.usecases.suspend import Step, claimed, lay, lift
from guildbank.payments.usecases.take_items import items_of
from guildbank.plugin_api import Outcome, OutcomeStatus, RefundRequest

log = structlog.get_logger(__name__)
_REQUESTS = msgspec.json.Decoder(RefundRequest)


class FinishRefund(MoneyAct):
    """Record an outcome of a refund."""

    verb = "payments.refund_finish"
    __slots__ = ("disputes", "outcome", "refund_id", "sure")

    def __init__(
        self,
        attempt: Attempt,
        refund: Refund,
        outcome: Outcome,
        disputes: Sequence[Dispute] = (),
        *,
        sure: bool = False,
    ) -> None:
        """`disputes` are all of the attempt, for `sure` or as they were a moment ago."""
        key = None
        if (after := refund_after(refund.state, outcome.status)) in _ENDS:
            key = f"{refund.id}:{after}"
        super().__init__(attempt, provider_principal(refund.provider), key, refund.id)
        self.refund_id = refund.id
        self.outcome = outcome
        self.disputes = [one for one in disputes if one.attempt_id == attempt.id]
        self.sure = sure

    def needs(self, stage: Stage) -> list[Need]:
        """Return the rows and accounts, the refund, and the disputes that share its coins."""
        of_disputes: list[Need] = []
        for one in self.disputes:
            place = (one.provider, one.reference)
            of_disputes += [(DISPUTES, one.id), (DISPUTE_REFERENCES, place)]
        return [*super().needs(stage), (REFUNDS, self.refund_id), *of_disputes]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Return the draft of what is new, or `no_change`, or `changed_meanwhile` (come again)."""
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
        """Give coins and money back to where they were: the provider did not pay, or it failed.

        A dispute that is not decided gets the coins that are due for it, which the refund had: it
        is lifted before and laid again after, since its end moves only what lies in suspense.
        """
        known = [stage.get(DISPUTES, one.id) for one in self.disputes]
        disputes = [one for one in known if one is not None]
        opened = sum(one.state not in CLOSED_DISPUTES for one in disputes)
        if opened != rows.attempt.open_disputes and not self.sure:
            return LEFT_CHANGED
        amount = refund.amount_minor
        waiting = before.state in OPEN_REFUNDS
        attempt = msgspec.structs.replace(
            rows.attempt,
            refunding_minor=rows.attempt.refunding_minor - (amount if waiting else 0),
            refunded_minor=rows.attempt.refunded_minor - (0 if waiting else amount),
        )
        aside = [one for one in disputes if read_taking(one.taking).aside]
        for one in aside:
            attempt = claimed(attempt, one, -1)
        book = open_book(stage)
        taking = read_taking(refund.taking)
        # First what strikes out debts: coins that come from suspense would pay them.
        given = untake(book, Rows(rows.intent, attempt), amount, taking, waiting)
        if isinstance(given, Refusal):
            return given
        free = Rows(with_taken(rows.intent, given, -1), attempt)
        lifted: list[Dispute] = []
        for one in aside:
            step = lift(book, Step(free, one))
            if isinstance(step, Refusal):
                return step
            free = step.rows
            lifted.append(step.dispute)
        laid: list[Dispute] = []
        for one in lifted:
            step = lay(stage, book, Step(free, one))
            if isinstance(step, Refusal):
                return step
            free = step.rows
            laid.append(step.dispute)
        close_book(stage, book)
        empty = msgspec.structs.replace(refund, taking=write_taking(Taking()))
        _put(stage, free.intent, free.attempt, empty)
        for one in laid:
            stage.put(DISPUTES, one.id, one)
            stage.put(DISPUTE_REFERENCES, (one.provider, one.reference), one)
        told = {
            **_facts(refund, rows.intent),
            "coins": given.paid,
            "bonus": given.bonus,
            **let_go(given),
            **_in_suspense(disputes, laid),
        }
        return Draft("payments.refund_restored", facts({**told, "code": refund.code}))


class EndUnsent(FinishRefund):
    """End a refund that its provider never saw, while disputes bar it from being sent."""

    verb = "payments.refund_unsent"
    __slots__ = ()

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Give all back as of one that was canceled, or say `no_change`, `changed_meanwhile`."""
        rows, refund = self.rows(stage), stage.get(REFUNDS, self.refund_id)
        if rows is None or refund is None:
            return NO_REFUND
        waits = refund.state in OPEN_REFUNDS and refund.reference is None
        return super().decide(stage) if waits and bars_refunds(rows.attempt) else NO_CHANGE


def _in_suspense(before: Sequence[Dispute], after: Sequence[Dispute]) -> dict[str, object]:
    """Return what an entry says of given-back coins that went on into suspense at once."""
    had = {one.id: read_taking(one.taking).found for one in before}
    more = sum(read_taking(one.taking).found - had[one.id] for one in after)
    return {"toSuspense": more} if more else {}


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
    """Ask the provider to pay a refund that was never asked for, unless disputes bar it."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refund = await store.refund_by_id(tx.driver, refund_id)
    if refund is not None and refund.state is RefundState.CREATED:
        await _ask(payments, tenant, refund)


async def look_at_refund(payments: Payments, tenant: TenantRef, refund: Refund) -> bool:
    """Ask the provider how a refund stands; one that never arrived is sent again.

    The same request goes under the same key, only while providers keep keys, and never while
    disputes bar it: then it ends as canceled once no request can be on its way. Returns False if
    the provider cannot tell.
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
    if never and refund.reference is None and refund.state in OPEN_REFUNDS:
        bar = await barred(payments, tenant, refund)
        if bar is not None:
            # Nothing was sent since the dispute is known; what was sent just before may arrive yet.
            if payments.clock.now() - bar.since >= payments.timing.lease:
                unsent = Outcome(status=OutcomeStatus.CANCELED, code=bar.code)
                await finish_refund(payments, tenant, refund, unsent, EndUnsent)
            return True
        if young:
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
    # The last thing before the call. A dispute that is booked between this line and the company's
    # work on the call is the company's to see: it refuses the refund, which gives the coins to
    # the dispute, or it pays twice, and both are booked, until the dispute's end tells which stays.
    if (bar := await barred(payments, tenant, refund)) is not None:
        log.warning("refund_held", refund=refund.id, code=bar.code)
        return
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
    payments: Payments,
    tenant: TenantRef,
    refund: Refund,
    outcome: Outcome,
    verb: type[FinishRefund] = FinishRefund,
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

    def act(disputes: Sequence[Dispute], sure: bool) -> FinishRefund:
        return verb(attempt, refund, outcome, disputes, sure=sure)

    receipt = await with_disputes(payments, tenant, refund.payment_id, act)
    if receipt == NO_CHANGE and outcome.status is OutcomeStatus.PROCESSED:
        receipt = await _paid_after_all(payments, tenant, attempt, refund, outcome)
    if isinstance(receipt, Refusal) and receipt.code != "no_change":
        log.error("refund_not_recorded", refund=refund.id, code=receipt.code)
    return receipt


async def with_disputes(
    payments: Payments,
    tenant: TenantRef,
    payment_id: str,
    act: Callable[[Sequence[Dispute], bool], FinishRefund],
) -> Receipt | Refusal:
    """Submit the act with the disputes of its payment, again where one opened meanwhile.

    Whoever finds no other ones than before is sure of them.
    """
    known: list[str] | None = None
    while True:
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            disputes = await store.disputes_of(tx.driver, payment_id)
        found = [one.id for one in disputes]
        sure = found == known
        receipt = await payments.journal.submit(tenant.schema, act(disputes, sure))
        if receipt != LEFT_CHANGED or sure:
            return receipt
        known = found


async def _paid_after_all(
    payments: Payments, tenant: TenantRef, attempt: Attempt, refund: Refund, outcome: Outcome
) -> Receipt | Refusal:
    """Book money that went by a refund which had ended as never sent.

    A request that hung for longer than any is waited for may arrive after the look for it. Its
    money is gone, so it is booked as what it is by then: a refund that was not made from here.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        ended = await store.refund_by_id(tx.driver, refund.id)
    unsent = ended is not None and ended.state is RefundState.FAILED and ended.code in UNSENT
    if not unsent or outcome.amount_minor is None or outcome.currency is None:
        return NO_CHANGE
    log.error("refund_paid_after_all", refund=refund.id, reference=outcome.reference)
    act = BookForeignRefund(
        attempt, outcome.reference or refund.id, outcome.amount_minor, outcome.currency, None,
        await spent_default(payments, tenant), await items_of(payments, tenant, attempt),
    )  # fmt: skip
    return await payments.journal.submit(tenant.schema, act)
