"""Checks of taking money: five outcomes that mean what the contract says."""

from guildbank.kernel import new_id
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import Outcome, OutcomeStatus

NO_BOOKS = NotRun("the provider keeps no books: there is nobody to be asked")
_NO_ACTION = NotRun("the rehearsal names no method that needs action")


async def a_good_payment_is_processed(stage: Stage) -> Verdict:
    """Processed carries the reference, and the amount and currency that were asked for."""
    request = stage.payment(stage.rehearsal.pays)
    outcome = await stage.pay(request)
    return fault_in_money(outcome, request.amount_minor, request.currency)


async def the_same_key_charges_once(stage: Stage) -> Verdict:
    """The same request sent twice is one payment."""
    request = stage.payment(stage.rehearsal.pays)
    first = await stage.pay(request)
    second = await stage.pay(request)
    if first.reference is None or first.reference != second.reference:
        return f"two payments for one key: {first.reference} and {second.reference}"
    return fault_in_money(second, request.amount_minor, request.currency)


async def a_declined_payment_is_declined(stage: Stage) -> Verdict:
    """A refusal is `declined` with a code, and no later look calls it paid or open."""
    refuse = stage.rehearsal.refuse_action
    if stage.rehearsal.declines is None and refuse is None:
        return NotRun("the rehearsal names no method that declines")
    request = stage.payment(stage.rehearsal.declines or stage.rehearsal.pays)
    outcome = await stage.provider.create_payment(stage.context, request)
    if refuse is not None:
        await refuse(stage.context, outcome)
        outcome = await stage.look(request, outcome.reference)
    if outcome.status is not OutcomeStatus.DECLINED:
        return f"expected declined, got {outcome!r}"
    if not outcome.code:
        return "declined without a code"
    looked = await stage.provider.fetch_payment(stage.later, request.attempt_id, outcome.reference)
    if looked.status not in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED):
        return f"declined at first, later {looked!r}"
    return None


async def fetch_agrees_by_reference_and_by_attempt(stage: Stage) -> Verdict:
    """A payment is found by the provider's reference and, where that can be, by ours."""
    if not stage.rehearsal.keeps_books:
        return NO_BOOKS
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    by_ours = (None,) if stage.rehearsal.found_by_attempt else ()
    for reference in (made.reference, *by_ours):
        found = await stage.provider.fetch_payment(stage.context, request.attempt_id, reference)
        fault = fault_in_money(found, request.amount_minor, request.currency)
        if fault:
            return f"fetched with reference {reference}: {fault}"
        if found.reference != made.reference:
            return f"made {made.reference}, found {found.reference}"
    return None


async def an_unknown_attempt_was_never_there(stage: Stage) -> Verdict:
    """What the provider certainly never got is `canceled` with code `not_found`."""
    outcome = await stage.provider.fetch_payment(stage.later, new_id("att"), None)
    return fault_in_not_found(outcome)


async def an_open_payment_says_what_the_player_must_do(stage: Stage) -> Verdict:
    """Pending for the player's sake comes with an address to open or a client secret."""
    if stage.rehearsal.needs_action is None:
        return _NO_ACTION
    request = stage.payment(stage.rehearsal.needs_action)
    outcome = await stage.provider.create_payment(stage.context, request)
    if outcome.status is not OutcomeStatus.PENDING or not outcome.reference:
        return f"expected pending with a reference, got {outcome!r}"
    action = outcome.next_action
    if action is None:
        return "pending without a next action"
    if action.kind not in ("redirect", "client_secret"):
        return f"unknown kind of action {action.kind!r}"
    if not (action.url if action.kind == "redirect" else action.client_secret):
        return f"an action of kind {action.kind} without what it needs"
    return None


async def a_completed_action_is_processed(stage: Stage) -> Verdict:
    """Once the player has acted, fetch says processed."""
    if stage.rehearsal.needs_action is None:
        return _NO_ACTION
    if stage.rehearsal.complete_action is None:
        return NotRun("the rehearsal cannot complete an action")
    request = stage.payment(stage.rehearsal.needs_action)
    asked = await stage.provider.create_payment(stage.context, request)
    await stage.rehearsal.complete_action(stage.context, asked)
    found = await stage.look(request, asked.reference)
    return fault_in_money(found, request.amount_minor, request.currency)


async def a_canceled_payment_stays_canceled(stage: Stage) -> Verdict:
    """Canceling an open payment is `canceled`, again and on each later look but where it cannot."""
    if stage.rehearsal.needs_action is None:
        return _NO_ACTION
    request = stage.payment(stage.rehearsal.needs_action)
    made = await stage.provider.create_payment(stage.context, request)
    provider, attempt, reference = stage.provider, request.attempt_id, made.reference
    outcomes = [
        await provider.cancel_payment(stage.context, attempt, reference),
        await provider.cancel_payment(stage.context, attempt, reference),
    ]
    if not stage.rehearsal.stays_open:
        outcomes.append(await provider.fetch_payment(stage.context, attempt, reference))
    for outcome in outcomes:
        if outcome.status is not OutcomeStatus.CANCELED:
            return f"expected canceled, got {outcome!r}"
    return None


async def a_captured_payment_cannot_be_canceled(stage: Stage) -> Verdict:
    """Canceling too late says `processed`: the money is here and must be booked."""
    if not stage.rehearsal.keeps_books:
        return NO_BOOKS
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    late = await stage.provider.cancel_payment(stage.context, request.attempt_id, made.reference)
    return fault_in_money(late, request.amount_minor, request.currency)


def fault_in_not_found(outcome: Outcome) -> str | None:
    """Say what keeps this outcome from meaning `it never was`."""
    if outcome.status is OutcomeStatus.CANCELED and outcome.code == "not_found":
        return None
    return f"expected canceled with code not_found, got {outcome!r}"


CHECKS: tuple[CheckFunction, ...] = (
    a_good_payment_is_processed,
    the_same_key_charges_once,
    a_declined_payment_is_declined,
    fetch_agrees_by_reference_and_by_attempt,
    an_unknown_attempt_was_never_there,
    an_open_payment_says_what_the_player_must_do,
    a_completed_action_is_processed,
    a_canceled_payment_stays_canceled,
    a_captured_payment_cannot_be_canceled,
)
