"""The entry point: Apple's App Store as a payment provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
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
    Usage,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_appstore import notifications, payments, refunds, reports, subscriptions, usage
from guildbank_appstore.api import Apple
from guildbank_appstore.manifest import MANIFEST
from guildbank_appstore.rehearsal import REHEARSAL
from guildbank_appstore.settings import problems_of, read_settings

_TIMEOUT_SECONDS = 25.0


class AppStoreProvider:
    """Purchases that the app makes in the store, told of by the app and by Apple.

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
        """Return how to reach each outcome at a lab that plays Apple."""
        return REHEARSAL

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find a key of another kind, and a pack that two products would sell."""
        return problems_of(settings)

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Say what the app has to buy, and under which token."""
        return payments.create(context, read_settings(context), request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the purchase stands."""
        async with self._apple(context) as apple:
            return await payments.fetch(apple, attempt_id, reference)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Give a purchase up that was not made."""
        async with self._apple(context) as apple:
            return await payments.cancel(apple, attempt_id, reference)

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Ask Apple about the transaction that is told of."""
        async with self._apple(context) as apple:
            return await payments.confirm(apple, given)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Refuse: Apple alone gives money back."""
        return refunds.refused()

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say whether a refund of Apple's stands."""
        async with self._apple(context) as apple:
            return await refunds.fetch(apple, request, reference)

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        """Return what Apple notified of since the cursor, whether it got here or not."""
        async with self._apple(context) as apple:
            return await reports.read(apple, context.mode, since, cursor)

    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        """Say how a subscription stands, with all of its periods."""
        async with self._apple(context) as apple:
            return await subscriptions.fetch(apple, reference, since)

    async def tell_usage(self, context: Context, used: Usage) -> bool:
        """Tell Apple how much was used, where the player agreed."""
        async with self._apple(context) as apple:
            return await usage.tell(apple, used)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify a notification and read it."""
        return notifications.read(Apple(context, read_settings(context)), body)

    async def test_connection(self, context: Context) -> str:
        """Let Apple send a test notification; raises if the key is not the app's."""
        async with self._apple(context) as apple:
            await apple.client().request_test_notification()
            settings = apple.settings
        where = settings.environment.value.lower()
        return f"Apple answered for the app {settings.bundle_id} in {where}."

    @asynccontextmanager
    async def _apple(self, context: Context) -> AsyncIterator[Apple]:
        """Yield a way to Apple; the block as a whole ends in time. Raises BadSettings."""
        apple = Apple(context, read_settings(context))
        async with asyncio.timeout(self._timeout_seconds):
            yield apple


PLUGIN = AppStoreProvider()
