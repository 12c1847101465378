"""Cards that Stripe keeps for a customer (https://docs.stripe.com/api/payment_methods/object)."""

import msgspec
from stripe import InvalidRequestError, StripeClient

from guildbank.plugin_api import SavedMethod
from guildbank_stripe.checkout import intent_of
from guildbank_stripe.objects import ATTEMPT, Intent, read


class _Card(msgspec.Struct, frozen=True):
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


class _Method(msgspec.Struct, frozen=True):
    id: str
    type: str
    customer: str | None = None
    card: _Card | None = None


async def left_by(
    client: StripeClient, customer: str, attempt_id: str, reference: str
) -> SavedMethod | None:
    """Return the card that a paid intent or page left with the customer."""
    found = await client.v1.payment_intents.retrieve_async(await intent_of(client, reference))
    intent = read(found, Intent)
    if intent.metadata.get(ATTEMPT) != attempt_id:
        raise LookupError(f"the intent {intent.id} is not of the attempt {attempt_id}")
    if intent.payment_method is None:
        return None
    return await fetch(client, customer, intent.payment_method)


async def fetch(client: StripeClient, customer: str, reference: str) -> SavedMethod | None:
    """Return a card of the customer's; None for what is detached, somebody else's or no card."""
    try:
        found = read(await client.v1.payment_methods.retrieve_async(reference), _Method)
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise
        return None
    card = found.card
    if found.customer != customer or found.type != "card" or card is None:
        return None
    return SavedMethod(
        reference=found.id,
        brand=card.brand,
        last_four=card.last4,
        expires_year=card.exp_year,
        expires_month=card.exp_month,
        fingerprint=card.fingerprint,
    )


async def remove(client: StripeClient, customer: str, reference: str) -> None:
    """Detach a card for good.

    Stripe refuses to detach what is attached to nobody, so a refusal leads to another look.
    """
    if await fetch(client, customer, reference) is None:
        return
    try:
        await client.v1.payment_methods.detach_async(reference)
    except InvalidRequestError:
        if await fetch(client, customer, reference) is not None:
            raise
