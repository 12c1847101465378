"""Checkout: Stripe's own page, on which the player chooses how to pay.

https://docs.stripe.com/api/checkout/sessions/object . The session is the payment: its intent
is there only once somebody pays, and can neither be confirmed nor canceled by us.
"""

from datetime import timedelta

import msgspec
from stripe import InvalidRequestError, StripeClient, StripeError
from stripe.params.checkout import SessionCreateParams, SessionListParams

from guildbank.kernel import made_at
from guildbank.plugin_api import Decline, NextAction, Outcome, OutcomeStatus, PaymentRequest
from guildbank_stripe.amounts import from_stripe, to_stripe
from guildbank_stripe.declines import decline_of
from guildbank_stripe.objects import ATTEMPT, PAGE, PLAYER, Intent, read, read_error
from guildbank_stripe.settings import Settings

METHOD = "checkout"
_PREFIX = "cs_"
_MOST_LISTED = 2_000
_LISTED_AT_ONCE = 100
_CLOCKS_DIFFER = timedelta(minutes=5)
_FAILED = ("requires_payment_method", "canceled")


class TooManySessions(RuntimeError):
    """The session is not among the newest ones."""


class _Expanded(msgspec.Struct, frozen=True):
    id: str


class Session(msgspec.Struct, frozen=True):
    """A Checkout Session, as far as we read it."""

    id: str
    status: str | None = None
    payment_status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    url: str | None = None
    payment_intent: str | _Expanded | None = None
    metadata: dict[str, str] | None = None

    @property
    def intent_id(self) -> str | None:
        """The intent's id, once somebody pays."""
        found = self.payment_intent
        return found.id if isinstance(found, _Expanded) else found


def is_session(reference: str) -> bool:
    """Say whether a reference is that of a session."""
    return reference.startswith(_PREFIX)


async def create(client: StripeClient, settings: Settings, request: PaymentRequest) -> Outcome:
    """Open a session. Raises NotExpressible, and what leaves open whether there is one."""
    if request.return_url is None:
        return Outcome(
            status=OutcomeStatus.DECLINED,
            code="return_url_missing",
            message="Checkout needs a return address to lead the player back to.",
            decline=Decline.INVALID_REQUEST,
        )
    try:
        made = await client.v1.checkout.sessions.create_async(
            _params(settings, request, request.return_url),
            {"idempotency_key": request.idempotency_key},
        )
    except InvalidRequestError as error:
        detail = read_error(error)
        code = detail.code or "invalid_request"
        return Outcome(
            status=OutcomeStatus.DECLINED, code=code, message=detail.message,
            decline=decline_of(code),
        )  # fmt: skip
    return await outcome_of(client, read(made, Session))


async def outcome_of(client: StripeClient, session: Session) -> Outcome:
    """Return what is certain about a session; one that was not paid at once asks for its intent."""
    if session.status == "open":
        action = NextAction(kind="redirect", url=session.url)
        return Outcome(
            status=OutcomeStatus.PENDING, reference=session.id,
            next_action=action if session.url else None,
        )  # fmt: skip
    if session.status == "expired":
        return Outcome(
            status=OutcomeStatus.CANCELED, reference=session.id, code="expired",
            decline=Decline.EXPIRED,
        )  # fmt: skip
    if session.status != "complete":
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=session.id, code=session.status)
    if session.payment_status == "paid" and session.amount_total and session.currency:
        currency = session.currency.upper()
        return Outcome(
            status=OutcomeStatus.PROCESSED, reference=session.id,
            amount_minor=from_stripe(session.amount_total, currency), currency=currency,
        )  # fmt: skip
    return await _afterwards(client, session)


async def locate(client: StripeClient, attempt_id: str, reference: str) -> Session | None:
    """Return a session by its id, None where Stripe does not know it. Refuses another attempt's."""
    try:
        found = await client.v1.checkout.sessions.retrieve_async(reference)
    except InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise
    session = read(found, Session)
    if (session.metadata or {}).get(ATTEMPT) != attempt_id:
        raise LookupError(f"the session {session.id} is not of the attempt {attempt_id}")
    return session


async def find(client: StripeClient, attempt_id: str) -> Session | None:
    """Return the session of this attempt among those made since; raises TooManySessions."""
    since = made_at(attempt_id) - _CLOCKS_DIFFER
    params: SessionListParams = {
        "limit": _LISTED_AT_ONCE, "created": {"gte": int(since.timestamp())},
    }  # fmt: skip
    try:
        page = await client.v1.checkout.sessions.list_async(params)
    except StripeError as error:
        if error.http_status == 404:
            # A test server without Checkout has no session either.
            return None
        raise
    listed = 0
    async for one in page.auto_paging_iter():
        session = read(one, Session)
        if (session.metadata or {}).get(ATTEMPT) == attempt_id:
            return session
        listed += 1
        if listed >= _MOST_LISTED:
            raise TooManySessions(f"not among {_MOST_LISTED} sessions made since")
    return None


async def expire(client: StripeClient, session: Session) -> Session:
    """End an open session, or return what it became before we came."""
    if session.status != "open":
        return session
    try:
        ended = await client.v1.checkout.sessions.expire_async(session.id)
    except InvalidRequestError:
        ended = await client.v1.checkout.sessions.retrieve_async(session.id)
    return read(ended, Session)


async def intent_of(client: StripeClient, reference: str) -> str:
    """Return the intent that a reference stands for. Raises LookupError before it is paid."""
    if not is_session(reference):
        return reference
    session = read(await client.v1.checkout.sessions.retrieve_async(reference), Session)
    if session.intent_id is None:
        raise LookupError(f"nobody has paid the session {session.id}")
    return session.intent_id


def _params(settings: Settings, request: PaymentRequest, back: str) -> SessionCreateParams:
    ours = {ATTEMPT: request.attempt_id, PLAYER: request.player_id}
    params: SessionCreateParams = {
        "mode": "payment",
        "client_reference_id": request.attempt_id,
        "success_url": back,
        "cancel_url": back,
        "metadata": ours,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": to_stripe(request.amount_minor, request.currency),
                    "product_data": {"name": request.description},
                },
            }
        ],
        "payment_intent_data": {
            "metadata": {**ours, PAGE: METHOD},
            "description": request.description,
        },
    }
    if request.on_file is not None:
        params["customer"] = request.on_file.customer
        if request.on_file.keep:
            params["payment_method_options"] = {"card": {"setup_future_usage": "on_session"}}
    if settings.statement_descriptor_suffix is not None:
        suffix = settings.statement_descriptor_suffix
        params["payment_intent_data"]["statement_descriptor_suffix"] = suffix
    return params


async def _afterwards(client: StripeClient, session: Session) -> Outcome:
    """Return what became of a payment whose money comes after the page was left."""
    if session.intent_id is None:
        return Outcome(
            status=OutcomeStatus.UNKNOWN, reference=session.id, code=session.payment_status
        )
    found = await client.v1.payment_intents.retrieve_async(session.intent_id)
    intent = read(found, Intent)
    if intent.status in _FAILED:
        error = intent.last_payment_error
        code = (error and (error.decline_code or error.code)) or "declined"
        return Outcome(
            status=OutcomeStatus.DECLINED, reference=session.id, code=code,
            message=error.message if error else None, decline=decline_of(code),
        )  # fmt: skip
    return Outcome(status=OutcomeStatus.PENDING, reference=session.id, code=intent.status)
