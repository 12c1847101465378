"""The entry point: Stripe as a payment provider, on the official SDK."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import stripe

from guildbank.plugin_api import (
    Context,
    CustomerRequest,
    Destination,
    DestinationRefused,
    DisputeStand,
    EvidenceRefused,
    EvidenceRequest,
    Manifest,
    Merchant,
    Outcome,
    PaymentRequest,
    PayoutRequest,
    ProviderEvent,
    RefundRequest,
    SavedMethod,
    SettlementPage,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_stripe import (
    customers,
    disputes,
    methods,
    payments,
    payouts,
    refunds,
    settlements,
    webhooks,
)
from guildbank_stripe.connection import open_client
from guildbank_stripe.manifest import MANIFEST
from guildbank_stripe.rehearsal import REHEARSAL
from guildbank_stripe.settings import BadSettings, read_settings

_TIMEOUT_SECONDS = 25.0
_NOT_FOR_THIS_KEY = (403, 404)
_MAY_NOT_KNOW = (
    "The key may not read whose account it opens: give it that permission in Stripe's dashboard."
)


class StripeProvider:
    """Payments by PaymentIntents, kept cards, refunds, payouts, webhooks, what Stripe settled.

    `timeout_seconds` bounds each call as a whole and lies below the manifest's, so that the core
    gets our exception and need not cut the call itself.
    """

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def rehearsal(self) -> Rehearsal:
        """Return how to reach each outcome with Stripe's public test methods."""
        return REHEARSAL

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Make a PaymentIntent, confirmed at once when the request names a method."""
        settings = read_settings(context)
        async with self._client(context) as client:
            return await payments.create(client, settings, request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the PaymentIntent stands, found by its id or by our metadata."""
        async with self._client(context) as client:
            return await payments.fetch(client, attempt_id, reference, context.now)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Cancel the PaymentIntent while it is not captured."""
        async with self._client(context) as client:
            return await payments.cancel(client, attempt_id, reference, context.now)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Refund the PaymentIntent, in full or in part."""
        async with self._client(context) as client:
            return await refunds.create(client, request)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say how the refund stands, found by its id or by our metadata."""
        async with self._client(context) as client:
            return await refunds.fetch(client, request, reference, context.now)

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        """Say how a dispute stands, and until when it is answered."""
        async with self._client(context) as client:
            return await disputes.fetch(client, reference)

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        """Hand texts in as evidence, for good."""
        async with self._client(context) as client:
            return await disputes.submit(client, request)

    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        """Return the player's customer."""
        async with self._client(context) as client:
            return await customers.open_for(client, request, context.now)

    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        """Say whether the key's account has this customer."""
        async with self._client(context) as client:
            return await customers.knows(client, request)

    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        """Delete the customer with all cards."""
        async with self._client(context) as client:
            await customers.forget(client, request)

    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        """Return the card that a paid payment left."""
        async with self._client(context) as client:
            return await methods.left_by(client, customer, attempt_id, reference)

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        """Return how a card stands."""
        async with self._client(context) as client:
            return await methods.fetch(client, customer, reference)

    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        """Detach a card."""
        async with self._client(context) as client:
            await methods.remove(client, customer, reference)

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Ask whether a connected account is there and takes transfers."""
        async with self._client(context) as client:
            return await payouts.read_destination(client, given)

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Transfer money to a connected account."""
        async with self._client(context) as client:
            return await payouts.pay_out(client, request)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Say how a transfer stands, found by its id or by its group."""
        async with self._client(context) as client:
            return await payouts.fetch(client, request, reference, context.now)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify a webhook by its signature and read it.

        Disputes, and refunds made at the dashboard, name an intent alone, which is not how a
        payment on a page is known: the intent is asked whose it is.
        """
        try:
            settings = read_settings(context)
        except BadSettings as error:
            return WebhookRejected(code="wrong_account", detail=str(error))
        event = webhooks.read(context.mode, settings.webhook_secret, headers, body)
        if isinstance(event, ProviderEvent) and webhooks.names_only_the_intent(event):
            async with self._client(context) as client:
                return await payments.with_attempt(client, event)
        return event

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Return a page of balance transactions, the newest first."""
        settings = read_settings(context)
        async with self._client(context) as client:
            return await settlements.page(client, settings, since, until, cursor)

    async def merchant(self, context: Context) -> Merchant:
        """Return the id of the account that the key opens.

        A restricted key says it only with the permission to read its account.
        https://docs.stripe.com/api/accounts/retrieve
        """
        async with self._client(context) as client:
            try:
                account = await client.v1.accounts.retrieve_current_async()
            except stripe.StripeError as error:
                if error.http_status not in _NOT_FOR_THIS_KEY:
                    raise
                raise PermissionError(_MAY_NOT_KNOW) from None
            return Merchant(names=(account.id,))

    async def test_connection(self, context: Context) -> str:
        """Say which account the key belongs to; a key that may not know says only that it works."""
        async with self._client(context) as client:
            try:
                account = await client.v1.accounts.retrieve_current_async()
            except stripe.StripeError as error:
                if error.http_status not in _NOT_FOR_THIS_KEY:
                    raise
                await client.v1.balance.retrieve_async()
                return f"Stripe answered in {context.mode} mode; the key may not read its account."
            return f"Stripe account {account.id} answered in {context.mode} mode."

    def _client(self, context: Context) -> AbstractAsyncContextManager[stripe.StripeClient]:
        """Return the SDK's client for one call. Raises BadSettings."""
        return open_client(context, read_settings(context), self._timeout_seconds)


PLUGIN = StripeProvider()
