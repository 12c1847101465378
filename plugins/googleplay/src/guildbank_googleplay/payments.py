"""Selling: the app buys in the store under names of ours, and a confirmation tells of it."""

from datetime import timedelta

from guildbank.plugin_api import (
    Confirmation,
    Context,
    Decline,
    NextAction,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    never_arrived,
)
from guildbank_googleplay.api import Google
from guildbank_googleplay.purchases import (
    ORDER_ID,
    TOKEN,
    Found,
    account_of,
    attempt_of,
    look_up,
    outcome_of,
    period_of,
)
from guildbank_googleplay.settings import Settings

PLAY_BILLING = "play_billing"
"""The method, and the kind of the next action."""
WAITS = timedelta(days=7)
NAME = "transaction"
_GIVE = f"Give {NAME}, the purchase token or the order's id, and nothing else."


def create(context: Context, settings: Settings, request: PaymentRequest) -> Outcome:
    """Say what to buy in the store and under which names. Google is not asked: it knows no orders.

    The attempt is the profile and the player the account, which Google watches for misuse.
    """
    if request.method not in (None, PLAY_BILLING):
        told = f"Google Play has the method {PLAY_BILLING} only."
        return _declined("unknown_method", told)
    product = settings.product_of(request.product_id)
    if product is None:
        return _declined("product_unknown", "The pack is not sold in Google Play.")
    details = {
        "productId": product,
        "obfuscatedAccountId": account_of(request.player_id),
        "obfuscatedProfileId": request.attempt_id,
    }
    return Outcome(
        status=OutcomeStatus.PENDING,
        reference=request.attempt_id,
        next_action=NextAction(kind=PLAY_BILLING, details=details),
        waits_until=context.now + WAITS,
    )


async def fetch(google: Google, attempt_id: str, reference: str | None) -> Outcome:
    """Say how a payment stands. By our name Google cannot be asked: that is left as it is."""
    if reference is None:
        return never_arrived(attempt_id, google.now, "The app")
    if reference == attempt_id:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="not_bought")
    found = await look_up(google, reference)
    if found is None or attempt_of(found.purchase) != attempt_id:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    period = period_of(found, google.settings, None)
    return outcome_of(found, None, free=False, money="", period=period)


async def cancel(google: Google, attempt_id: str, reference: str | None) -> Outcome:
    """Give up a purchase that nobody told of; one that was made is there to be booked."""
    if reference is None or reference == attempt_id:
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference, code="not_bought")
    return await fetch(google, attempt_id, reference)


async def confirm(google: Google, given: Confirmation) -> Outcome | NotConfirmed:
    """Look at the purchase that is told of; what is booked is what Google says of it now."""
    request, settings = given.request, google.settings
    if given.data.keys() != {NAME}:
        return NotConfirmed(code="unknown_field", detail=_GIVE)
    named = given.data[NAME]
    if not (ORDER_ID.fullmatch(named) or TOKEN.fullmatch(named)):
        return NotConfirmed(code="unknown_purchase", detail=_GIVE, field=NAME)
    found = await look_up(google, named)
    if found is None:
        detail = "Google has no such purchase of the app. Send it again in a while."
        return NotConfirmed(code="unknown_purchase", detail=detail, field=NAME)
    refused = _other(found, request) or _wrong_mode(found, settings, request)
    if refused is not None:
        return refused
    free = found.purchase.is_test and settings.mode == "live"
    period = period_of(found, settings, request.product_id)
    if found.subscription is not None and found.order is not None and period is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="period_missing")
    product = settings.product_of(request.product_id) or ""
    return outcome_of(found, product, free=free, money=request.currency, period=period)


def _other(found: Found, request: PaymentRequest) -> NotConfirmed | None:
    """Return why a purchase pays for something else, by the names that it was made under."""
    named = found.purchase.obfuscated_external_account_id, attempt_of(found.purchase)
    if named == (account_of(request.player_id), request.attempt_id):
        return None
    detail = "The purchase was made under other obfuscated ids: buy with this payment's."
    return NotConfirmed(code="other_payment", detail=detail, field=NAME)


def _wrong_mode(found: Found, settings: Settings, request: PaymentRequest) -> NotConfirmed | None:
    """Return why test money buys nothing here, or real money nothing in a test."""
    if found.purchase.is_test:
        if settings.mode == "test" or settings.may_review(request.player_id):
            return None
        detail = "It is a test purchase, for which nobody paid."
        return NotConfirmed(code="test_purchase", detail=detail, field=NAME)
    if settings.mode == "live":
        return None
    detail = "Real money was paid, and this tenant is for tests. Google gives it back in 3 days."
    return NotConfirmed(code="real_purchase", detail=detail, field=NAME)


def _declined(code: str, message: str) -> Outcome:
    return Outcome(
        status=OutcomeStatus.DECLINED,
        code=code,
        message=message,
        decline=Decline.METHOD_NOT_SUPPORTED,
    )
