"""Checks of a provider whose payments are paid by a call of ours, once the player approved."""

from guildbank.plugin_api.confirmation import Confirmation, NotConfirmed
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import Outcome, OutcomeStatus, PaymentRequest


async def nothing_is_taken_before_it_is_captured(stage: Stage) -> Verdict:
    """What the player approved waits, however often it is looked at or confirmed."""
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    said = await _approved(stage, request, made)
    if isinstance(said, NotRun):
        return said
    for again in (said, await _asked(stage, request, made)):
        if again.status is not OutcomeStatus.PENDING or not again.approved:
            return f"expected pending and approved, got {again!r}"
    reference = said.reference or made.reference
    for _ in range(2):
        paid = await stage.provider.capture_payment(stage.context, request.attempt_id, reference)
        if fault := fault_in_money(paid, request.amount_minor, request.currency):
            return fault
    return None


async def what_is_canceled_is_not_captured(stage: Stage) -> Verdict:
    """A payment that is given up after its approval takes no money any more."""
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    said = await _approved(stage, request, made)
    if isinstance(said, NotRun):
        return said
    reference = said.reference or made.reference
    ended = await stage.provider.cancel_payment(stage.context, request.attempt_id, reference)
    if ended.status is not OutcomeStatus.CANCELED:
        return f"canceled it is {ended!r}"
    if stage.rehearsal.stays_open:
        # The core's own record of the end is what keeps such a payment from being taken.
        return None
    after = await stage.provider.capture_payment(stage.context, request.attempt_id, reference)
    return f"was captured: {after!r}" if after.status is OutcomeStatus.PROCESSED else None


async def _approved(stage: Stage, request: PaymentRequest, made: Outcome) -> Outcome | NotRun:
    """Do the player's part, and say how the payment stands after it."""
    if stage.rehearsal.confirms is None:
        if stage.rehearsal.complete_action is None:
            return NotRun("the rehearsal cannot approve a payment")
        await stage.rehearsal.complete_action(stage.context, made)
    return await _asked(stage, request, made)


async def _asked(stage: Stage, request: PaymentRequest, made: Outcome) -> Outcome:
    if stage.rehearsal.confirms is None:
        return await stage.provider.fetch_payment(stage.context, request.attempt_id, made.reference)
    data = await stage.confirming(request)
    given = Confirmation(request=request, reference=made.reference, data=data, by="buyer")
    said = await stage.provider.confirm(stage.context, given)
    return Outcome(status=OutcomeStatus.UNKNOWN) if isinstance(said, NotConfirmed) else said


CHECKS: tuple[CheckFunction, ...] = (
    nothing_is_taken_before_it_is_captured,
    what_is_canceled_is_not_captured,
)
