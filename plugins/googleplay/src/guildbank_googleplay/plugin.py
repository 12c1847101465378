"""The entry point: Google Play as a payment provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from guildbank.plugin_api import (
    Confirmation,
    Context,
    Manifest,
    NotConfirmed,
    Outcome,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    ReportPage,
    SettingProblem,
    SubscriptionStand,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_googleplay import (
    finishing,
    notifications,
    payments,
    push,
    refunds,
    reports,
    subscriptions,
)
from guildbank_googleplay.api import Google
from guildbank_googleplay.manifest import MANIFEST
from guildbank_googleplay.rehearsal import REHEARSAL
from guildbank_googleplay.settings import problems_of, read_settings
from guildbank_googleplay.tokens import Tokens

_TIMEOUT_SECONDS = 25.0


class GooglePlayProvider:
    """Purchases that the app makes in the store, told of by the app and by Google.

    `timeout_seconds` bounds each call as a whole and lies below the manifest's, so that the core
    gets our exception and need not cut the call itself.
    """

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._tokens = Tokens()
        self._keys = push.Keys()

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def rehearsal(self) -> Rehearsal:
        """Return how to reach each outcome at a lab that plays Google."""
        return REHEARSAL

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find a key file of another kind, and a pack that two products would sell."""
        return problems_of(settings)

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Say what the app has to buy, and under which names."""
        return payments.create(context, read_settings(context), request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the purchase stands."""
        async with self._google(context) as google:
            return await payments.fetch(google, attempt_id, reference)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Give a purchase up that was not made."""
        async with self._google(context) as google:
            return await payments.cancel(google, attempt_id, reference)

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Ask Google about the purchase that is told of."""
        async with self._google(context) as google:
            return await payments.confirm(google, given)

    async def finish_payment(self, context: Context, reference: str) -> None:
        """Consume a purchase whose coins are credited, or acknowledge a subscription."""
        async with self._google(context) as google:
            await finishing.finish(google, reference)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Give all of an order's money back."""
        async with self._google(context) as google:
            return await refunds.refund(google, request)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say whether an order's money is back."""
        async with self._google(context) as google:
            return await refunds.fetch(google, request, reference)

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        """Return what Google found voided since the cursor, whether it told of it or not."""
        async with self._google(context) as google:
            return await reports.read(google, since, cursor)

    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        """Say how a subscription stands, with all of its periods."""
        async with self._google(context) as google:
            return await subscriptions.fetch(google, reference)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify who pushes, and read what is told."""
        async with self._google(context) as google:
            fault = await push.fault_of(context, google.settings, self._keys, headers)
            return fault or await notifications.read(google, body)

    async def test_connection(self, context: Context) -> str:
        """Let Google list what was voided in the last hour; raises if the key may not see it."""
        async with self._google(context) as google:
            await google.voided(google.now - timedelta(hours=1), google.now)
            return f"Google answered for the app {google.settings.package_name}."

    @asynccontextmanager
    async def _google(self, context: Context) -> AsyncIterator[Google]:
        """Yield a way to Google; the block as a whole ends in time. Raises BadSettings."""
        google = Google(context, read_settings(context), self._tokens)
        async with asyncio.timeout(self._timeout_seconds):
            yield google


PLUGIN = GooglePlayProvider()
