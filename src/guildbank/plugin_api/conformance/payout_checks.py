"""Checks of money that is paid out, for providers whose manifest says that they do."""

from collections.abc import Mapping

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.payment_checks import NO_BOOKS, fault_in_not_found
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.payouts import (
    PAYOUTS,
    SEND_AGAIN,
    Destination,
    DestinationRefused,
    PayoutRequest,
)
from guildbank.plugin_api.provider import Outcome, OutcomeStatus

CAPABILITY = PAYOUTS
_SHOWN = 4
_NO_PLACE = NotRun("the rehearsal names no destination: set pays_to")
_NEVER = NotRun("the rehearsal names no destination that is declined: set pays_never")


async def a_destination_is_shown_masked(stage: Stage) -> Verdict:
    """It is read alike each time, and its label names no more of it than four characters."""
    if stage.rehearsal.pays_to is None:
        return _NO_PLACE
    first = await _read(stage, stage.rehearsal.pays_to)
    again = await _read(stage, stage.rehearsal.pays_to)
    if isinstance(first, str) or first != again:
        return f"read {first!r} and then {again!r}"
    shown = "".join(first.label.split())
    for word in first.details.values():
        plain = "".join(word.split())
        if len(plain) > _SHOWN and any(
            plain[at : at + _SHOWN + 1] in shown for at in range(len(plain) - _SHOWN)
        ):
            return f"the label {first.label!r} tells more than four characters of it"
    return None


async def a_destination_that_is_none_is_refused(stage: Stage) -> Verdict:
    """Nothing is paid to where nothing is named."""
    said = await stage.provider.check_destination(stage.context, {"x_none": "x"})
    return None if isinstance(said, DestinationRefused) else f"it takes {said!r}"


async def the_same_payout_key_pays_once(stage: Stage) -> Verdict:
    """The same request sent twice is one payout, of exactly what was asked for."""
    request = await _request(stage, stage.rehearsal.pays_to)
    if request is None:
        return _NO_PLACE
    first = await stage.provider.pay_out(stage.context, request)
    second = await stage.provider.pay_out(stage.context, request)
    if first.reference is None or first.reference != second.reference:
        return f"two payouts for one key: {first.reference} and {second.reference}"
    return _fault(first, request)


async def a_payout_is_found_with_and_without_its_reference(stage: Stage) -> Verdict:
    """A payout is found by the provider's reference and, without one, by ours or by sending it."""
    if not stage.rehearsal.keeps_books:
        return NO_BOOKS
    request = await _request(stage, stage.rehearsal.pays_to)
    if request is None:
        return _NO_PLACE
    made = await stage.provider.pay_out(stage.context, request)
    by_ours = stage.rehearsal.payouts_found_by_ours
    for reference in (made.reference, None):
        if reference is None and not by_ours:
            return _fault_in_asking(await stage.provider.fetch_payout(stage.context, request, None))
        found = await stage.provider.fetch_payout(stage.context, request, reference)
        if (fault := _fault(found, request)) is not None:
            return f"fetched with reference {reference}: {fault}"
        if found.reference != made.reference:
            return f"made {made.reference}, found {found.reference}"
    return None


async def an_unknown_payout_was_never_there(stage: Stage) -> Verdict:
    """A payout that the provider certainly never got is `canceled` with code `not_found`.

    One that only the provider's name finds is to be sent again.
    """
    request = await _request(stage, stage.rehearsal.pays_to)
    if request is None:
        return _NO_PLACE
    said = await stage.provider.fetch_payout(stage.later, request, None)
    by_ours = stage.rehearsal.payouts_found_by_ours
    return fault_in_not_found(said) if by_ours else _fault_in_asking(said)


async def a_payout_that_is_declined_stays_declined(stage: Stage) -> Verdict:
    """What was not paid is told for certain, in the answer and in a look."""
    if stage.rehearsal.pays_never is None:
        return _NEVER if stage.rehearsal.keeps_books else NO_BOOKS
    request = await _request(stage, stage.rehearsal.pays_never)
    assert request is not None, "its rehearsal names a destination"
    said = await stage.provider.pay_out(stage.context, request)
    look = await stage.provider.fetch_payout(stage.later, request, said.reference)
    for one in (said, look):
        if one.status not in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED):
            return f"expected declined, got {one!r}"
    return None


async def _read(stage: Stage, given: Mapping[str, str]) -> Destination | str:
    said = await stage.provider.check_destination(stage.context, given)
    return said if isinstance(said, Destination) else f"refused: {said!r}"


async def _request(stage: Stage, given: Mapping[str, str] | None) -> PayoutRequest | None:
    """Return a fresh request to pay to a destination, as the provider read it."""
    if given is None:
        return None
    place = await _read(stage, given)
    payout_id = new_id("pyo")
    request = PayoutRequest(
        payout_id=payout_id,
        idempotency_key=f"{payout_id}:pay:1",
        amount_minor=stage.rehearsal.amount_minor,
        currency=stage.rehearsal.currency,
        player_id=new_id("player"),
    )
    details = {} if isinstance(place, str) else place.details
    return msgspec.structs.replace(request, details=details)


def _fault(outcome: Outcome, request: PayoutRequest) -> str | None:
    """Say what is wrong with an accepted payout; a bank or a person may still be at work on it."""
    if outcome.status is OutcomeStatus.PENDING:
        return None if outcome.reference else "pending without the provider's reference"
    return fault_in_money(outcome, request.amount_minor, request.currency)


def _fault_in_asking(outcome: Outcome) -> str | None:
    """Say what keeps an outcome from meaning `only sending it again shows it`."""
    if outcome.status is OutcomeStatus.UNKNOWN and outcome.code == SEND_AGAIN:
        return None
    return f"expected unknown with code {SEND_AGAIN}, got {outcome!r}"


CHECKS: tuple[CheckFunction, ...] = (
    a_destination_is_shown_masked,
    a_destination_that_is_none_is_refused,
    the_same_payout_key_pays_once,
    a_payout_is_found_with_and_without_its_reference,
    an_unknown_payout_was_never_there,
    a_payout_that_is_declined_stays_declined,
)
