"""The lab's Stripe keeps cards as Stripe does, to Stripe's own SDK."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from stripe import StripeClient
from tests.servers.canned import Canned
from tests.servers.lab import LabServer

# The SDK hands its bodies to httpx in a way that httpx would rather not have.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content")
KEEPS: Any = {"payment_method_options": {"card": {"setup_future_usage": "on_session"}}}


class Merchant:
    """An account at the lab, by the SDK, and where its webhooks go."""

    def __init__(self, sdk: StripeClient, hook: Canned) -> None:
        self.sdk = sdk
        self.hook = hook

    async def customer(self, key: str | None = None) -> str:
        options: Any = {} if key is None else {"idempotency_key": key}
        params: Any = {"metadata": {"mine": "player_1"}}
        made = await asyncio.to_thread(self.sdk.v1.customers.create, params, options)
        return made.id

    async def pay(self, method: str, customer: str | None, **more: Any) -> stripe.PaymentIntent:
        params: Any = {
            "amount": 499, "currency": "eur", "payment_method": method, "confirm": True, **more,
        }  # fmt: skip
        if customer is not None:
            params["customer"] = customer
        return await asyncio.to_thread(self.sdk.v1.payment_intents.create, params)

    async def card(self, id_: str) -> stripe.PaymentMethod:
        return await asyncio.to_thread(self.sdk.v1.payment_methods.retrieve, id_)

    async def detach(self, id_: str) -> stripe.PaymentMethod:
        return await asyncio.to_thread(self.sdk.v1.payment_methods.detach, id_)

    async def kept(self, customer: str) -> str:
        paid = await self.pay("pm_card_visa", customer, **KEEPS)
        assert isinstance(paid.payment_method, str)
        return paid.payment_method


@pytest.fixture
async def merchant(lab: LabServer) -> AsyncIterator[Merchant]:
    async with Canned() as hook:
        key = f"sk_test_{secrets.token_hex(8)}"
        await asyncio.to_thread(
            lab.do, "/lab/stripe/accounts", secret_key=key, webhook_secret="whsec_lab_12345678",
            webhook_url=f"{hook.url}/hook",
        )  # fmt: skip
        http = stripe.HTTPXClient(allow_sync_methods=True)
        sdk = StripeClient(
            key, base_addresses={"api": lab.url}, max_network_retries=0, http_client=http
        )
        yield Merchant(sdk, hook)
        http.close()
        await http.close_async()


async def test_a_card_is_kept_for_the_customer_of_a_payment_that_says_so(
    merchant: Merchant,
) -> None:
    customer = await merchant.customer()
    card = await merchant.card(await merchant.kept(customer))
    assert (card.customer, card.type) == (customer, "card")
    assert card.card is not None
    assert (card.card.brand, card.card.last4) == ("visa", "4242")
    again = await merchant.pay(card.id, customer)
    assert (again.status, again.payment_method) == ("succeeded", card.id)
    attached = b'"payment_method.attached"'
    assert await merchant.hook.wait_for(lambda asked: attached in asked.body)


async def test_the_same_key_makes_one_customer(merchant: Merchant) -> None:
    assert await merchant.customer("key-1") == await merchant.customer("key-1")


async def test_a_card_that_nobody_keeps_pays_once(merchant: Merchant) -> None:
    paid = await merchant.pay("pm_card_visa", await merchant.customer())
    assert isinstance(paid.payment_method, str)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await merchant.pay(paid.payment_method, None)


async def test_a_kept_card_pays_for_its_own_customer_alone(merchant: Merchant) -> None:
    card = await merchant.kept(await merchant.customer())
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        await merchant.pay(card, None)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        await merchant.pay(card, await merchant.customer())


async def test_a_detached_card_pays_no_more_and_is_detached_once(merchant: Merchant) -> None:
    customer = await merchant.customer()
    card = await merchant.kept(customer)
    assert (await merchant.detach(card)).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="detachment is impossible"):
        await merchant.detach(card)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await merchant.pay(card, customer)


async def test_a_deleted_customer_is_shown_as_such_and_keeps_no_card(merchant: Merchant) -> None:
    customer = await merchant.customer()
    card = await merchant.kept(customer)
    await asyncio.to_thread(merchant.sdk.v1.customers.delete, customer)
    shown = await asyncio.to_thread(merchant.sdk.v1.customers.retrieve, customer)
    assert shown.deleted is True
    assert (await merchant.card(card)).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await asyncio.to_thread(merchant.sdk.v1.customers.delete, customer)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await merchant.pay("pm_card_visa", customer)


async def test_a_search_finds_a_customer_only_after_a_while(
    merchant: Merchant, lab: LabServer
) -> None:
    customer = await merchant.customer()
    params: Any = {"query": "metadata['mine']:'player_1'"}

    async def found() -> list[str]:
        hits = await asyncio.to_thread(merchant.sdk.v1.customers.search, params)
        return [one.id for one in hits.data]

    assert customer not in await found()
    await asyncio.to_thread(lab.do, "/lab/clock", seconds=61)
    assert await found() == [customer]
    await asyncio.to_thread(lab.do, "/lab/clock", seconds=-61)
