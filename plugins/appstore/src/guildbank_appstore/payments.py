"""Selling: the app buys in the store under a token of ours, and a confirmation tells of it."""

import re
from datetime import timedelta

from appstoreserverlibrary.models.Environment import Environment

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
from guildbank_appstore.api import Apple
from guildbank_appstore.settings import Settings
from guildbank_appstore.transactions import (
    TRANSACTION_ID,
    Transaction,
    attempt_of,
    is_shared,
    is_subscription,
    outcome_of,
    period_of,
    token_of,
)
from guildbank_appstore.trust import Doubted, read_transaction

STOREKIT, CONSENTING = "storekit", "storekit_usage"
"""Methods: by the second the player agrees that Apple is told how much was used."""
WAITS = timedelta(days=7)
ID, SIGNED = "transaction", "signed_transaction"
_TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GIVE = f"Give {ID} or {SIGNED} as StoreKit has them, one of them and nothing else."


def create(context: Context, settings: Settings, request: PaymentRequest) -> Outcome:
    """Say what to buy in the store and under which token. Apple is not asked: it knows no orders.

    The app's purchase sheet may stay open for long, or wait for a parent, and so does the payment.
    """
    if request.method not in (None, STOREKIT, CONSENTING):
        told = f"The App Store has the methods {STOREKIT} and {CONSENTING} only."
        return _declined("unknown_method", Decline.METHOD_NOT_SUPPORTED, told)
    product = settings.product_of(request.product_id)
    if product is None:
        told = "The pack is not sold in the App Store."
        return _declined("product_unknown", Decline.METHOD_NOT_SUPPORTED, told)
    token = token_of(request.attempt_id)
    details = {"productId": product, "appAccountToken": token}
    return Outcome(
        status=OutcomeStatus.PENDING,
        reference=token,
        next_action=NextAction(kind="storekit", details=details),
        waits_until=context.now + WAITS,
    )


async def fetch(apple: Apple, attempt_id: str, reference: str | None) -> Outcome:
    """Say how a payment stands. By our token Apple cannot be asked: that is left as it is."""
    if reference is None:
        return never_arrived(attempt_id, apple.now, "The app")
    if _TOKEN.fullmatch(reference):
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="not_bought")
    found = await apple.transaction(reference) if TRANSACTION_ID.fullmatch(reference) else None
    if found is None or attempt_of(found) != attempt_id:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    return outcome_of(found, None, test=False, period=period_of(found, apple.settings, None))


async def cancel(apple: Apple, attempt_id: str, reference: str | None) -> Outcome:
    """Give up a purchase that nobody told of; one that was made is there to be booked."""
    if reference is None or _TOKEN.fullmatch(reference):
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference, code="not_bought")
    return await fetch(apple, attempt_id, reference)


async def confirm(apple: Apple, given: Confirmation) -> Outcome | NotConfirmed:
    """Look at the transaction that is told of; what is booked is what Apple says of it now.

    A signed one is checked before Apple is asked, so that forgeries cost nothing.
    """
    request, settings = given.request, apple.settings
    if len(given.data) != 1 or not given.data.keys() <= {ID, SIGNED}:
        return NotConfirmed(code="unknown_field", detail=_GIVE)
    signed = given.data.get(SIGNED)
    try:
        named = given.data[ID] if signed is None else _id_of(apple, signed, request)
    except Doubted as doubted:
        return NotConfirmed(code=doubted.code, detail=doubted.detail, field=SIGNED)
    if not TRANSACTION_ID.fullmatch(named):
        return NotConfirmed(code="unknown_transaction", detail=_GIVE, field=ID)
    found = await apple.transaction(named)
    test = found is None and settings.may_review(request.player_id)
    if test:
        found = await apple.transaction(named, Environment.SANDBOX)
    if found is None:
        detail = "Apple has no such transaction of the app. Send it again in a while."
        return NotConfirmed(code="unknown_transaction", detail=detail)
    if attempt_of(found) != request.attempt_id:
        detail = "The purchase was made under another token: buy with this payment's."
        return NotConfirmed(code="other_payment", detail=detail)
    if is_shared(found):
        detail = "It is shared by family: who bought it was credited, and nobody else is."
        return NotConfirmed(code="family_shared", detail=detail)
    period = period_of(found, settings, request.product_id)
    if is_subscription(found) and period is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="period_missing")
    product = settings.product_of(request.product_id) or ""
    return outcome_of(found, product, test=test, period=period)


def _id_of(apple: Apple, signed: str, request: PaymentRequest) -> str:
    """Return the id of a signed transaction; raises Doubted."""
    settings = apple.settings
    try:
        found: Transaction = read_transaction(settings, settings.environment, signed, apple.now)
    except Doubted:
        if not settings.may_review(request.player_id):
            raise
        found = read_transaction(settings, Environment.SANDBOX, signed, apple.now)
    return found.transactionId or ""


def _declined(code: str, decline: Decline, message: str) -> Outcome:
    return Outcome(status=OutcomeStatus.DECLINED, code=code, message=message, decline=decline)
