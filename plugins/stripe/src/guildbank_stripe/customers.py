"""Customers: for whom Stripe keeps cards, one for each player (.../api/customers/object)."""

from datetime import datetime, timedelta

import msgspec
from stripe import InvalidRequestError, StripeClient

from guildbank.plugin_api import CustomerRequest
from guildbank_stripe.objects import CUSTOMER, PLAYER, read

_KEYS_LAST = timedelta(hours=20)
"""Stripe keeps idempotency keys for at least 24 hours; a margin is for clocks and long calls."""
_CLOCKS_DIFFER = timedelta(minutes=5)
_PAGE = 100
_MOST_LISTED = 2_000


class TooManyCustomers(RuntimeError):
    """The customer is not among the first ones made since, and Stripe's search cannot be asked."""


class _Customer(msgspec.Struct, frozen=True):
    id: str
    deleted: bool = False
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


async def open_for(client: StripeClient, request: CustomerRequest, now: datetime) -> str:
    """Return the player's customer. Within a day the key makes sure of it, later a look does."""
    if now - request.requested_at > _KEYS_LAST:
        found = await _find(client, request)
        if found is not None:
            return found
    made = await client.v1.customers.create_async(
        {"metadata": {PLAYER: request.player_id, CUSTOMER: request.customer_id}},
        {"idempotency_key": request.idempotency_key},
    )
    return read(made, _Customer).id


async def knows(client: StripeClient, request: CustomerRequest) -> bool:
    """Say whether the customer is one of this account, and of this player."""
    try:
        found = await client.v1.customers.retrieve_async(request.reference or "")
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise
        return False
    customer = read(found, _Customer)
    return not customer.deleted and customer.metadata.get(PLAYER) == request.player_id


async def forget(client: StripeClient, request: CustomerRequest) -> None:
    """Delete the customer, which removes all its cards; what is gone already stays so."""
    reference = request.reference or await _find(client, request)
    if reference is None:
        return
    try:
        await client.v1.customers.delete_async(reference)
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise


async def _find(client: StripeClient, request: CustomerRequest) -> str | None:
    """Return a customer that an earlier call made and nobody heard of.

    Search lags by an hour at most (https://docs.stripe.com/search#data-freshness). Merchants in
    some countries do not have it; then those made since are listed. Raises TooManyCustomers.
    """
    query = f"metadata['{PLAYER}']:'{request.player_id}'"
    try:
        hits = await client.v1.customers.search_async({"query": query, "limit": 1})
    except InvalidRequestError:
        return await _find_in_list(client, request)
    return next((read(one, _Customer).id for one in hits.data), None)


async def _find_in_list(client: StripeClient, request: CustomerRequest) -> str | None:
    since = int((request.requested_at - _CLOCKS_DIFFER).timestamp())
    page = await client.v1.customers.list_async({"limit": _PAGE, "created": {"gte": since}})
    listed = 0
    async for one in page.auto_paging_iter():
        customer = read(one, _Customer)
        if customer.metadata.get(PLAYER) == request.player_id:
            return customer.id
        listed += 1
        if listed >= _MOST_LISTED:
            raise TooManyCustomers(f"not among {_MOST_LISTED} customers made since")
    return None
