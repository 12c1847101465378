"""PaymentIntents as outcomes, and how to find ours among them."""

from datetime import timedelta

from stripe import InvalidRequestError, StripeClient
from stripe.params import PaymentIntentListParams

from guildbank.kernel import made_at
from guildbank.plugin_api import NextAction, Outcome, OutcomeStatus
from guildbank_stripe.amounts import from_stripe
from guildbank_stripe.declines import decline_of
from guildbank_stripe.objects import ATTEMPT, CONFIRMED_BY, Intent, read

_PAGE = 100
_MOST_LISTED = 2_000
_CLOCKS_DIFFER = timedelta(minutes=5)
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_AT_WORK = ("processing", "requires_capture")


class TooManyIntents(RuntimeError):
    """The intent is not among the newest ones and Stripe's search does not show it yet."""


def outcome_of(intent: Intent) -> Outcome:
    """Return what is certain about an intent.

    Without `amount_received`, which Stripe always sends and some test servers do not, a succeeded
    intent counts its whole amount: with automatic capture it succeeds whole or not at all.
    """
    if intent.status == "succeeded":
        currency = intent.currency.upper()
        received = intent.amount if intent.amount_received is None else intent.amount_received
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=intent.id,
            amount_minor=from_stripe(received, currency),
            currency=currency,
        )
    if is_refused(intent):
        return _declined(intent)
    if intent.status == "canceled":
        return Outcome(status=OutcomeStatus.CANCELED, reference=intent.id, code="canceled")
    if intent.status in _OPEN:
        return Outcome(
            status=OutcomeStatus.PENDING, reference=intent.id, next_action=_next_action(intent)
        )
    if intent.status in _AT_WORK:
        return Outcome(status=OutcomeStatus.PENDING, reference=intent.id, code=intent.status)
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=intent.id, code=intent.status)


def is_refused(intent: Intent) -> bool:
    """Say whether the one try that the server made was refused.

    Where the player chooses the method in Stripe's own form, a refusal only means: try another.
    """
    return (
        intent.status in ("requires_payment_method", "canceled")
        and intent.last_payment_error is not None
        and intent.metadata.get(CONFIRMED_BY) == "server"
    )


async def find_by_attempt(client: StripeClient, attempt_id: str) -> Intent | None:
    """Return the intent of this attempt, or None when Stripe shows none.

    Search comes first because it is one call, but it lags: up to a minute in general and an hour
    in an outage (https://docs.stripe.com/search#data-freshness), and merchants in some countries
    do not have it. So what it does not show is looked for in the list of intents made since,
    which is never behind. Raises TooManyIntents when the list is too long to be read to its end.
    """
    since = made_at(attempt_id) - _CLOCKS_DIFFER
    query = f"metadata['{ATTEMPT}']:'{attempt_id}'"
    try:
        hits = await client.v1.payment_intents.search_async({"query": query, "limit": 1})
    except InvalidRequestError:
        pass
    else:
        for hit in hits.data:
            return read(hit, Intent)
    try:
        return await _find_in_list(
            client, attempt_id, {"limit": _PAGE, "created": {"gte": int(since.timestamp())}}
        )
    except InvalidRequestError:
        # Test servers may not know the filter; then the whole list is read.
        return await _find_in_list(client, attempt_id, {"limit": _PAGE})


async def _find_in_list(
    client: StripeClient, attempt_id: str, params: PaymentIntentListParams
) -> Intent | None:
    listed = 0
    page = await client.v1.payment_intents.list_async(params)
    async for found in page.auto_paging_iter():
        intent = read(found, Intent)
        if intent.metadata.get(ATTEMPT) == attempt_id:
            return intent
        listed += 1
        if listed >= _MOST_LISTED:
            raise TooManyIntents(f"not among {_MOST_LISTED} intents made since")
    return None


def _declined(intent: Intent) -> Outcome:
    error = intent.last_payment_error
    code = (error and (error.decline_code or error.code)) or "declined"
    return Outcome(
        status=OutcomeStatus.DECLINED,
        reference=intent.id,
        code=code,
        message=error.message if error else None,
        decline=decline_of(code),
    )


def _next_action(intent: Intent) -> NextAction:
    """Return the address to open, or the secret with which Stripe's own form goes on."""
    redirect = intent.next_action and intent.next_action.redirect_to_url
    if redirect and redirect.url:
        return NextAction(kind="redirect", url=redirect.url, client_secret=intent.client_secret)
    return NextAction(kind="client_secret", client_secret=intent.client_secret)
