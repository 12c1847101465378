"""Taking money: create, look, cancel."""

from datetime import datetime

import msgspec
from stripe import CardError, InvalidRequestError, StripeClient, StripeError
from stripe.params import PaymentIntentCreateParams

from guildbank.plugin_api import (
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    never_arrived,
)
from guildbank_stripe import checkout
from guildbank_stripe.amounts import NotExpressible, to_stripe
from guildbank_stripe.checkout import Session
from guildbank_stripe.declines import decline_of
from guildbank_stripe.intents import find_by_attempt, is_refused, outcome_of
from guildbank_stripe.objects import (
    ATTEMPT,
    CONFIRMED_BY,
    PAGE,
    PLAYER,
    Intent,
    read,
    read_error,
)
from guildbank_stripe.settings import Settings

_NO_MONEY_MOVED = ("requires_payment_method", "canceled")


async def create(client: StripeClient, settings: Settings, request: PaymentRequest) -> Outcome:
    """Make the intent, and confirm it at once when the request names a method.

    The method `checkout` opens a page of Stripe's instead.

    A refusal (402, or 400: Stripe did not understand) is `declined`. All else that goes wrong is
    raised: wrong key, rate limit, conflict of idempotency keys, 5xx and silence say nothing about
    what an earlier try with the same key did.
    """
    try:
        if request.method == checkout.METHOD:
            return await checkout.create(client, settings, request)
        params = _params(settings, request)
    except NotExpressible as error:
        return _not_expressible(error)
    try:
        made = await client.v1.payment_intents.create_async(
            params, {"idempotency_key": request.idempotency_key}
        )
    except (CardError, InvalidRequestError) as error:
        return _refused(error)
    return outcome_of(read(made, Intent))


async def fetch(
    client: StripeClient, attempt_id: str, reference: str | None, now: datetime
) -> Outcome:
    """Say how the payment stands.

    A refused intent is canceled first: while it is open, whoever holds its client secret could
    still pay it, and `declined` would not be final.
    """
    found = await _locate(client, attempt_id, reference)
    if found is None:
        return _missing(attempt_id, reference, now)
    if isinstance(found, Session):
        return await checkout.outcome_of(client, found)
    intent = found
    if is_refused(intent) and intent.status != "canceled":
        intent = await _cancel(client, intent)
    return outcome_of(intent)


async def cancel(
    client: StripeClient, attempt_id: str, reference: str | None, now: datetime
) -> Outcome:
    """End the intent or the page; what became of it instead, when it is too late for that."""
    found = await _locate(client, attempt_id, reference)
    if found is None:
        return _missing(attempt_id, reference, now)
    if isinstance(found, Session):
        return await checkout.outcome_of(client, await checkout.expire(client, found))
    intent = found
    if intent.status not in ("canceled", "succeeded"):
        intent = await _cancel(client, intent)
    return outcome_of(intent)


async def with_attempt(client: StripeClient, event: ProviderEvent) -> ProviderEvent:
    """Return an event with the attempt that its intent names, if Stripe knows such an intent."""
    try:
        found = await client.v1.payment_intents.retrieve_async(event.payment_reference or "")
    except InvalidRequestError as error:
        if error.http_status == 404:
            return event
        raise
    attempt_id = read(found, Intent).metadata.get(ATTEMPT)
    return msgspec.structs.replace(event, attempt_id=attempt_id)


def _params(settings: Settings, request: PaymentRequest) -> PaymentIntentCreateParams:
    metadata = {ATTEMPT: request.attempt_id, PLAYER: request.player_id}
    params: PaymentIntentCreateParams = {
        "amount": to_stripe(request.amount_minor, request.currency),
        "currency": request.currency.lower(),
        "metadata": metadata,
    }
    method, on_file = request.method, request.on_file
    if on_file is not None:
        method = on_file.method or method
        params["customer"] = on_file.customer
        if on_file.keep:
            # Of cards alone: other ways to pay need mandates before they pay again.
            params["payment_method_options"] = {"card": {"setup_future_usage": "on_session"}}
    if method is not None:
        metadata[CONFIRMED_BY] = "server"
        params["payment_method"] = method
        params["confirm"] = True
    if not settings.bare_requests:
        _describe(params, settings, request)
    return params


def _describe(
    params: PaymentIntentCreateParams, settings: Settings, request: PaymentRequest
) -> None:
    """Add what a person reads, and what Stripe may ask of the player's browser."""
    params["description"] = request.description
    if settings.statement_descriptor_suffix is not None:
        params["statement_descriptor_suffix"] = settings.statement_descriptor_suffix
    if "confirm" not in params:
        return
    if request.return_url is not None:
        params["return_url"] = request.return_url
    else:
        # With nowhere to return to, Stripe confirms only methods that never leave the page.
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}


async def _locate(
    client: StripeClient, attempt_id: str, reference: str | None
) -> Intent | Session | None:
    if reference is None:
        intent = await find_by_attempt(client, attempt_id)
        if intent is not None and PAGE not in intent.metadata:
            return intent
        # An intent of a page is none that we could end: the page is.
        return await checkout.find(client, attempt_id)
    if checkout.is_session(reference):
        return await checkout.locate(client, attempt_id, reference)
    try:
        found = await client.v1.payment_intents.retrieve_async(reference)
    except InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise
    intent = read(found, Intent)
    if intent.metadata.get(ATTEMPT) != attempt_id:
        raise LookupError(f"the intent {intent.id} is not of the attempt {attempt_id}")
    return intent


def _missing(attempt_id: str, reference: str | None, now: datetime) -> Outcome:
    if reference is None:
        return never_arrived(attempt_id, now, "Stripe")
    # It was there once, so this is another account's key and not proof that nothing happened.
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")


async def _cancel(client: StripeClient, intent: Intent) -> Intent:
    """Cancel, or return what the intent became before we came."""
    try:
        canceled = await client.v1.payment_intents.cancel_async(intent.id)
    except InvalidRequestError:
        canceled = await client.v1.payment_intents.retrieve_async(intent.id)
    return read(canceled, Intent)


def _refused(error: StripeError) -> Outcome:
    detail = read_error(error)
    intent = detail.payment_intent
    if intent is not None and intent.status not in _NO_MONEY_MOVED:
        raise error
    code = detail.decline_code or detail.code or "invalid_request"
    return Outcome(
        status=OutcomeStatus.DECLINED,
        reference=intent.id if intent else None,
        code=code,
        message=detail.message,
        decline=decline_of(code),
    )


def _not_expressible(error: NotExpressible) -> Outcome:
    return Outcome(
        status=OutcomeStatus.DECLINED,
        code="amount_not_expressible",
        message=str(error),
        decline=decline_of("amount_not_expressible"),
    )
