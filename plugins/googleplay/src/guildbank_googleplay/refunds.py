"""Money back: all of an order, by us or by Google, and what was bought is gone with it."""

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus, RefundRequest, never_arrived
from guildbank_googleplay import objects
from guildbank_googleplay.api import Google
from guildbank_googleplay.objects import Order
from guildbank_googleplay.prices import to_minor
from guildbank_googleplay.purchases import Found, look_up
from guildbank_googleplay.tokens import GoogleFailed

_GONE = frozenset({objects.REFUNDED, objects.CANCELED})


def reference_of(name: str) -> str:
    """Return the name of the one refund that a purchase can have: all of its money."""
    return f"{name}/refund"


async def refund(google: Google, request: RefundRequest) -> Outcome:
    """Give an order's money back. Sent again it finds that it is back, and sends nothing."""
    reference = reference_of(request.payment_reference)
    found = await _found(google, request.payment_reference)
    if found.order is None or _left(found.order) != (request.amount_minor, request.currency):
        return _not_whole()
    stands = _stands(found, reference)
    if stands is not None:
        return stands
    # A period that is given back ends no subscription: its player does that, or lets it go on.
    await google.refund(found.order.order_id, revoke=found.subscription is None)
    again = _stands(await _found(google, request.payment_reference), reference)
    return again or Outcome(status=OutcomeStatus.PENDING, reference=reference)


async def fetch(google: Google, request: RefundRequest, reference: str | None) -> Outcome:
    """Say whether an order's money is back.

    Google tells of chargebacks by the list of voided purchases before its orders show them, so that
    a purchase that is canceled proves it as well.
    """
    if reference is not None and reference != reference_of(request.payment_reference):
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    if request.amount_minor == 0:
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=reference_of(request.payment_reference),
            amount_minor=0,
            currency=request.currency,
        )
    found = await _found(google, request.payment_reference)
    stands = _stands(found, reference_of(request.payment_reference))
    if stands is not None:
        return stands
    if reference is None:
        return never_arrived(request.refund_id, google.now, "Google")
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="not_shown")


def _not_whole() -> Outcome:
    return Outcome(
        status=OutcomeStatus.DECLINED,
        code="only_whole_orders",
        message="By its API Google gives back all of an order, and no part of it.",
        decline=Decline.METHOD_NOT_SUPPORTED,
    )


async def _found(google: Google, name: str) -> Found:
    found = await look_up(google, name)
    if found is None:
        raise GoogleFailed("Google does not show the purchase of the refund")
    return found


def _stands(found: Found, reference: str) -> Outcome | None:
    """Return how the refund of a purchase stands, None where there is none."""
    order = found.order
    if order is None:
        return None
    if order.state in _GONE or found.purchase.state == objects.CANCELLED:
        amount, money = _left(order)
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=reference,
            amount_minor=amount,
            currency=money,
        )
    if order.state == objects.PENDING_REFUND:
        return Outcome(status=OutcomeStatus.PENDING, reference=reference)
    return None


def _left(order: Order) -> tuple[int, str]:
    """Return what the customer paid, less what went back in parts before. Raises NotExpressible."""
    if order.total is None:
        raise GoogleFailed("Google's order does not say what was paid")
    parts = (
        to_minor(part.refund_details.total)
        for part in order.order_history.partial_refund_events
        if part.state == objects.PROCESSED_SUCCESSFULLY and part.refund_details.total is not None
    )
    return to_minor(order.total) - sum(parts), order.total.currency_code
