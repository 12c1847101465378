"""The entry point: PayPal as a payment provider, over its REST API."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from guildbank.plugin_api import (
    Context,
    Destination,
    DestinationRefused,
    DisputeStand,
    Manifest,
    Merchant,
    NoAnswer,
    NotConfirmed,
    Outcome,
    PaymentRequest,
    PayoutRequest,
    ProviderEvent,
    RefundRequest,
    SettlementPage,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_paypal import disputes, payments, payouts, refunds, settlements, webhooks
from guildbank_paypal.certificates import Certificates
from guildbank_paypal.client import Client, PayPalFailed, Tokens, path_of
from guildbank_paypal.events import read_event
from guildbank_paypal.manifest import MANIFEST
from guildbank_paypal.objects import UserInfo, Webhook
from guildbank_paypal.rehearsal import REHEARSAL
from guildbank_paypal.settings import BadSettings, read_settings

_TIMEOUT_SECONDS = 25.0
_WHOSE = "/v1/identity/oauth2/userinfo?schema=paypalv1.1"


class PayPalProvider:
    """Payments by orders that the player approves, refunds, disputes, payouts, settlements.

    `timeout_seconds` bounds each call as a whole and lies below the manifest's, so that the core
    gets our exception and need not cut the call itself. Tokens and certificates are kept, no more.
    """

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._tokens = Tokens()
        self._certificates = Certificates()

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def rehearsal(self) -> Rehearsal:
        """Return how to reach each outcome at a lab that plays PayPal."""
        return REHEARSAL

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Make an order, and say where the player approves it."""
        async with self._client(context) as client:
            return await payments.create(client, read_settings(context), request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the order stands; a look takes no money."""
        async with self._client(context) as client:
            return await payments.fetch(client, context, attempt_id, reference)

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Take the money of an order that the player has approved."""
        async with self._client(context) as client:
            settings = read_settings(context)
            return await payments.capture(client, settings, context, attempt_id, reference)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """End an order that is not captured: by a mark, since PayPal has no call for it."""
        async with self._client(context) as client:
            return await payments.cancel(client, context, attempt_id, reference)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Give back a part or all of the order's capture."""
        async with self._client(context) as client:
            return await refunds.create(client, request)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say how a refund stands."""
        async with self._client(context) as client:
            return await refunds.fetch(client, request, reference, context.now)

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand | None:
        """Say how a dispute stands, None where the app may not read disputes."""
        async with self._client(context) as client:
            return await disputes.fetch(client, reference)

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Read the address of a player's PayPal account; PayPal is not asked who has one."""
        return payouts.read_destination(given)

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Pay a player, as a batch of one."""
        async with self._client(context) as client:
            return await payouts.pay_out(client, request)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Say how a payout stands, by PayPal's id of its batch."""
        async with self._client(context) as client:
            return await payouts.fetch(client, request, reference)

    async def confirm_payout(
        self, context: Context, request: PayoutRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Ask about the batch that an operator found in PayPal's pages."""
        async with self._client(context) as client:
            return await payouts.confirm(client, request, data)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify the raw bytes by PayPal's certificate and read the event."""
        try:
            settings = read_settings(context)
            async with self._client(context) as client:
                rejected = await webhooks.check(
                    context, settings, self._certificates, headers, body
                )
                return await read_event(client, body) if rejected is None else rejected
        except BadSettings as error:
            return WebhookRejected(code="wrong_account", detail=str(error))
        except (NoAnswer, PayPalFailed, TimeoutError):
            # Refused for now: PayPal sends it again, and by then its payment may be found.
            return WebhookRejected(code="malformed", detail="its payment cannot be looked up now")

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Return a page of PayPal's transaction search."""
        async with self._client(context) as client:
            return await settlements.page(client, since, until, cursor)

    async def merchant(self, context: Context) -> Merchant:
        """Return the app's client id, which PayPal took, and whose account it is of, if told.

        PayPal tells the account's id where the app has the scope `paypalattributes`.
        https://developer.paypal.com/docs/api/identity/v1/
        """
        settings = read_settings(context)
        async with self._client(context) as client:
            found = await client.look(_WHOSE, UserInfo)
        account = None if found is None else found.payer_id
        app = f"client {settings.client_id}"
        return Merchant(names=(app,) if not account else (f"account {account}", app))

    async def test_connection(self, context: Context) -> str:
        """Return what the webhook's id stands for at PayPal; raises if nothing answers."""
        settings = read_settings(context)
        async with self._client(context) as client:
            path = path_of("v1", "notifications", "webhooks", settings.webhook_id)
            webhook = await client.get(path, Webhook)
        if webhook is None:
            raise PayPalFailed(f"PayPal's app has no webhook of the id {settings.webhook_id}")
        if webhook.url != context.webhook_url:
            raise PayPalFailed(f"PayPal's webhook leads elsewhere, not to {context.webhook_url}")
        return f"PayPal answered in {context.mode} mode, and its webhook leads here."

    @asynccontextmanager
    async def _client(self, context: Context) -> AsyncIterator[Client]:
        """Yield a client; the block as a whole ends in time. Raises BadSettings, TimeoutError."""
        client = Client(context, read_settings(context), self._tokens)
        async with asyncio.timeout(self._timeout_seconds):
            yield client


PLUGIN = PayPalProvider()
