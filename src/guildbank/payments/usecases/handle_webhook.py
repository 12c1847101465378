"""Work on an event of the inbox: a hint, so what it names is fetched where money depends on it."""

from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Outcome as JournalOutcome
from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments import inbox, saved, store
from guildbank.payments.archive import Subject, event_read
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.refusals import NO_CHANGE, PROVIDER_SILENT
from guildbank.payments.contracts.rows import Attempt, AttemptState, Refund, RefundState
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.adopt import adopt_purchase
from guildbank.payments.usecases.dispute_stand import ask_stand
from guildbank.payments.usecases.dispute_told import asked, numbered, told_by
from guildbank.payments.usecases.exchanges import kept_for
from guildbank.payments.usecases.finish_refund import look_at_refund
from guildbank.payments.usecases.foreign_refund import TOO_EARLY, BookForeignRefund
from guildbank.payments.usecases.look import look_at_attempt
from guildbank.payments.usecases.look_at_dispute import follow, look_by_line
from guildbank.payments.usecases.look_at_method import follow_method
from guildbank.payments.usecases.look_at_subscription import follow_subscription
from guildbank.payments.usecases.payouts.mind import find_told, follow_payout
from guildbank.payments.usecases.saved_names import names_of
from guildbank.payments.usecases.settle import terms_of
from guildbank.payments.usecases.spent_coins import spent_default
from guildbank.payments.usecases.take_items import items_of
from guildbank.payments.usecases.tell_usage import tell_usage
from guildbank.plugin_api import EventKind, OutcomeStatus, ProviderEvent, RefundRequest

log = structlog.get_logger(__name__)
DONE: JournalOutcome = NO_CHANGE
_OF_STANDING = (EventKind.DISPUTE_OPENED, EventKind.DISPUTE_UPDATED)
_OF_ALL_AT_ONCE = (EventKind.DISPUTE_LOST, EventKind.DISPUTE_TAKEN_BACK)
AT_ONCE = 500
WEBHOOK = "webhook"
"""The kind of exchange that a provider's event is."""


async def handle_webhook(payments: Payments, tenant: TenantRef, id_: str) -> None:
    """Work on one event. What came too early or failed is put off, never dropped."""
    timing = payments.timing
    async with payments.db.begin(tenant.schema) as tx:
        claimed = await inbox.claim_webhook(tx.driver, id_, payments.clock.now(), timing.lease)
    if claimed is None:
        return
    about, subject = None, None
    try:
        if claimed.event.kind is EventKind.PAYOUT:
            payout = await find_told(payments, tenant, claimed.provider, claimed.event)
            if payout is not None:
                about, subject = payout.id, Subject(about=payout.id, player_id=payout.player_id)
            named = claimed.event.payout_reference
            outcome = await follow_payout(payments, tenant, payout, named)
        else:
            attempt = await _attempt(payments, tenant, claimed.provider, claimed.event)
            if attempt is not None:
                about, subject = attempt.id, Subject(payment_id=attempt.payment_id)
            outcome = await _handle(payments, tenant, attempt, claimed.provider, claimed.event)
    except Exception as error:  # the event stays in the inbox and is tried again
        log.warning("webhook_failed", webhook=id_, error=repr(error))
        outcome = Refusal(code="failed", detail="The event could not be worked on.")
    now = payments.clock.now()
    settled = isinstance(outcome, Receipt) or outcome.code == NO_CHANGE.code
    old = now - claimed.received_at > timing.webhook_gives_up
    problem = None if isinstance(outcome, Receipt) or settled else outcome.code
    if not (settled or old):
        later = now + next_look(timing.webhook, claimed.tries - 1)
        async with payments.db.begin(tenant.schema) as tx:
            await inbox.delay_webhook(tx.driver, id_, later, problem or "")
        return
    async with payments.db.begin(tenant.schema) as tx:
        closed = await inbox.close_webhook(tx.driver, id_, now, problem, about)
    if closed and subject is not None and claimed.fields:
        # With others of the moment: sealed one by one they would cost as much as the event.
        reading = partial(event_read, claimed.provider, claimed.fields)
        payments.archive.keep(tenant, subject, WEBHOOK, reading, claimed.received_at)


async def sweep_webhooks(
    payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS, limit: int = 200
) -> int:
    """Work on the events that are due until the turn is over; return how many those were.

    Those of a provider keep their order, and wait for no other provider.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        due = await inbox.due_webhooks(tx.driver, payments.clock.now(), limit)

    async def handle(id_: str) -> int:
        await handle_webhook(payments, tenant, id_)
        return 1

    return await in_lanes(turn, ((provider, partial(handle, id_)) for id_, provider in due))


async def forget_fields(payments: Payments, tenant: TenantRef) -> int:
    """Forget fields of events about nobody who is known; return how many events that were.

    They are kept for as long as the tenant keeps exchanges.
    """
    before = payments.clock.now() - await kept_for(payments, tenant)
    forgotten = some = AT_ONCE
    while some == AT_ONCE:
        async with payments.db.begin(tenant.schema) as tx:
            some = await inbox.forget_fields(tx.driver, before, AT_ONCE)
        forgotten += some
    return forgotten - AT_ONCE


async def _handle(
    payments: Payments,
    tenant: TenantRef,
    attempt: Attempt | None,
    provider: str,
    event: ProviderEvent,
) -> JournalOutcome:
    if event.kind is EventKind.IGNORED:
        return DONE
    if event.kind is EventKind.METHOD_CHANGED:
        return await follow_method(payments, tenant, provider, event.method_reference or "")
    if event.kind is EventKind.SUBSCRIPTION:
        return await _subscription(payments, tenant, provider, event)
    if attempt is None:
        # Either our own commit is yet to come, or it is a payment of another shop.
        return TOO_EARLY
    if event.kind is EventKind.PAYMENT:
        return await _paid(payments, tenant, attempt, event.payment_reference)
    if attempt.applied is None:
        await look_at_attempt(payments, tenant, attempt, event.payment_reference)
        attempt = await _attempt(payments, tenant, provider, event) or attempt
    if _is_of_another(payments, attempt, event.payment_reference):
        # What is told of is a purchase that was made under the attempt's names, and not heard of.
        adopted = await adopt_purchase(payments, tenant, attempt, event.payment_reference or "")
        attempt = await _attempt(payments, tenant, provider, event) or attempt
        if _is_of_another(payments, attempt, event.payment_reference):
            return adopted
    return await _of_money(payments, tenant, attempt, event)


async def _of_money(
    payments: Payments, tenant: TenantRef, attempt: Attempt, event: ProviderEvent
) -> JournalOutcome:
    """Follow what becomes of captured money: refunds, disputes, and questions about it."""
    if event.kind is EventKind.REFUND:
        followed = await follow_refund(payments, tenant, attempt, event)
        if followed == TOO_EARLY or event.subscription_reference is None:
            return followed
        return await _subscription(payments, tenant, attempt.provider, event)
    if event.kind is EventKind.USAGE_ASKED:
        return await tell_usage(payments, tenant, attempt)
    told = told_by(event)
    if told is None:
        return Refusal(code="incomplete_event", detail="The event lacks its dispute or amount.")
    if event.kind in _OF_STANDING:
        about = (attempt.provider, attempt.payment_id, told.reference)
        stand = await ask_stand(payments, tenant, *about)
        if not isinstance(stand, Refusal):
            told = asked(told, stand)
        elif stand == PROVIDER_SILENT and event.kind is EventKind.DISPUTE_UPDATED:
            return TOO_EARLY
    if event.kind in _OF_ALL_AT_ONCE:
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            told = numbered(await store.disputes_of(tx.driver, attempt.payment_id), told)
    followed = await follow(payments, tenant, attempt, told)
    if event.kind is EventKind.DISPUTE_CLOSED and event.won and followed == NO_CHANGE:
        # It had ended before: where it was lost then, an appeal was won, and the money comes back.
        await look_by_line(payments, tenant, attempt, told.reference)
    return followed


async def _subscription(
    payments: Payments, tenant: TenantRef, provider: str, event: ProviderEvent
) -> JournalOutcome:
    """Look at the subscription that an event names."""
    reference = event.subscription_reference or ""
    return await follow_subscription(payments, tenant, provider, reference)


def _is_of_another(payments: Payments, attempt: Attempt, purchase: str | None) -> bool:
    """Say whether a store tells of another purchase than the one that paid the attempt."""
    captured = attempt.state is AttemptState.CAPTURED
    if not captured or not terms_of(payments, attempt.provider).by_store:
        return False
    return purchase not in (None, attempt.reference)


async def _paid(
    payments: Payments, tenant: TenantRef, attempt: Attempt, purchase: str | None
) -> JournalOutcome:
    """Ask how an attempt stands; what a store sold again under its name is a payment of its own."""
    if attempt.state is not AttemptState.CAPTURED:
        if not await look_at_attempt(payments, tenant, attempt, purchase):
            return TOO_EARLY
        # Another purchase under its names may have paid it at the same time.
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            attempt = await store.attempt_by_id(tx.driver, attempt.id) or attempt
    # What was captured is booked, and nothing that is said of it later changes that.
    if purchase is None or not _is_of_another(payments, attempt, purchase):
        return DONE
    return await adopt_purchase(payments, tenant, attempt, purchase)


async def subject_of(
    payments: Payments, tenant: TenantRef, provider: str, event: ProviderEvent
) -> Subject:
    """Return what an event is about as far as it is known: a payment or payout, or its provider."""
    if event.kind is EventKind.PAYOUT:
        payout = await find_told(payments, tenant, provider, event)
        if payout is not None:
            return Subject(about=payout.id, player_id=payout.player_id)
        return Subject(about=provider)
    attempt = await _attempt(payments, tenant, provider, event)
    return Subject(about=provider) if attempt is None else Subject(attempt.payment_id)


async def state_of(
    payments: Payments, tenant: TenantRef, provider: str, event: ProviderEvent
) -> int | None:
    """Return in which state of its plugin that was left which the event names, None for nothing."""
    if event.kind is EventKind.PAYOUT:
        payout = await find_told(payments, tenant, provider, event)
        return None if payout is None else payout.state_version
    attempt = await _attempt(payments, tenant, provider, event)
    return None if attempt is None else attempt.state_version


async def _attempt(
    payments: Payments, tenant: TenantRef, provider: str, event: ProviderEvent
) -> Attempt | None:
    """Return the attempt that the event names, by our reference or by the provider's.

    A store's purchase may bear the name of an attempt and be that of another one, which was sold
    under the same name. For a kept method it is that of the payment which left it, so that its
    person is known.
    """
    if event.method_reference is not None:
        names = await names_of(payments, tenant)
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            mark = names.mark(provider, event.method_reference)
            left_by = await saved.attempt_of_mark(tx.driver, mark)
            return None if left_by is None else await store.attempt_by_id(tx.driver, left_by)
    by_store = terms_of(payments, provider).by_store
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if by_store and event.payment_reference is not None:
            sold = await store.attempt_by_reference(tx.driver, provider, event.payment_reference)
            if sold is not None:
                return sold
        if event.attempt_id is not None:
            found = await store.attempt_by_id(tx.driver, event.attempt_id)
            if found is not None and found.provider == provider:
                return found
        if event.payment_reference is not None:
            return await store.attempt_by_reference(tx.driver, provider, event.payment_reference)
    return None


async def follow_refund(
    payments: Payments, tenant: TenantRef, attempt: Attempt, event: ProviderEvent
) -> JournalOutcome:
    """Ask about the refund that is told of; one that is not ours is booked once it is paid."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refunds = await store.refunds_of(tx.driver, attempt.payment_id)
    ours = _ours(refunds, event)
    if ours is not None:
        return DONE if await look_at_refund(payments, tenant, ours) else TOO_EARLY
    if event.refund_reference is None:
        looks = [
            await look_at_refund(payments, tenant, one)
            for one in refunds
            if one.attempt_id == attempt.id and one.state is RefundState.SUCCEEDED
        ]
        return DONE if all(looks) else TOO_EARLY
    if event.refund_id is None and any(_nameless(one, attempt) for one in refunds):
        # It may be our own, whose answer we have not got yet.
        return TOO_EARLY
    return await _foreign(payments, tenant, attempt, event, event.refund_reference)


def _ours(refunds: list[Refund], event: ProviderEvent) -> Refund | None:
    """Return which refund is told of; what the provider calls it says more than our own name.

    A refund that was paid after it had ended as never sent is booked under its reference alone.
    """
    named = event.refund_reference
    by_reference = next((one for one in refunds if named and one.reference == named), None)
    return by_reference or next((one for one in refunds if one.id == event.refund_id), None)


def _nameless(refund: Refund, attempt: Attempt) -> bool:
    waiting = refund.state in (RefundState.CREATED, RefundState.UNKNOWN)
    return waiting and refund.attempt_id == attempt.id and refund.reference is None


async def _foreign(
    payments: Payments, tenant: TenantRef, attempt: Attempt, event: ProviderEvent, reference: str
) -> JournalOutcome:
    """Book a refund that we did not make, once the provider confirms that it is paid."""
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return line
    request = RefundRequest(
        refund_id=event.refund_id or new_id("ref"),
        idempotency_key=reference,
        attempt_id=attempt.id,
        payment_reference=attempt.reference or "",
        amount_minor=event.amount_minor or attempt.captured_minor,
        currency=event.currency or attempt.captured_money or "",
    )
    outcome = await ask_provider(line, line.plugin.fetch_refund(line.context, request, reference))
    if outcome.status in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED):
        return DONE
    if outcome.amount_minor is None or outcome.currency is None:
        return TOO_EARLY
    if outcome.status is not OutcomeStatus.PROCESSED:
        return TOO_EARLY
    if outcome.amount_minor == 0:
        # Nobody had paid, so nothing went back.
        return DONE
    act = BookForeignRefund(
        attempt, reference, outcome.amount_minor, outcome.currency, event.reason,
        await spent_default(payments, tenant), await items_of(payments, tenant, attempt),
    )  # fmt: skip
    return await payments.journal.submit(tenant.schema, act)
