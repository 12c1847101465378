"""The entry point: Steam's wallet as a payment provider, over ISteamMicroTxn."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

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
    SettlementPage,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_steampay import payments, refunds, reports, settlements
from guildbank_steampay.client import Client, Refused, SteamFailed
from guildbank_steampay.errors import row_of
from guildbank_steampay.manifest import MANIFEST
from guildbank_steampay.rehearsal import REHEARSAL
from guildbank_steampay.settings import read_settings

_TIMEOUT_SECONDS = 25.0


class SteamWalletProvider:
    """Payments by orders that the player approves in Steam and a confirmation finishes.

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
        """Return how to reach each outcome at a lab that plays Steam."""
        return REHEARSAL

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Make an order, and say where the player approves it."""
        async with self._client(context) as client:
            return await payments.create(client, request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the order stands."""
        async with self._client(context) as client:
            return await payments.fetch(client, context, attempt_id, reference)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Give an order up that is not finished."""
        async with self._client(context) as client:
            return await payments.cancel(client, context, attempt_id, reference)

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Ask Steam whether the player approved."""
        async with self._client(context) as client:
            return await payments.confirm(client, given)

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Finish an order that the player approved, which takes its money."""
        async with self._client(context) as client:
            return await payments.capture(client, context, attempt_id, reference)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Give back the whole of an order."""
        async with self._client(context) as client:
            return await refunds.create(client, request)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say how a refund stands."""
        async with self._client(context) as client:
            return await refunds.fetch(client, request, reference, context.now)

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        """Return what went back to players since the cursor."""
        async with self._client(context) as client:
            return await reports.read(client, since, cursor)

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Return what Steam's report of sales says of money."""
        async with self._client(context) as client:
            return await settlements.read(client, since, until, cursor)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Believe nothing: Steam sends no events."""
        return WebhookRejected(code="malformed", detail="Steam sends no webhooks")

    async def test_connection(self, context: Context) -> str:
        """Say which database answered for the game; raises if the key is not its own."""
        now = context.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = {"type": "GAMESALES", "time": now, "maxresults": "1"}
        async with self._client(context) as client:
            said = await client.ask("GetReport", wanted)
            if isinstance(said, Refused):
                raise SteamFailed(f"Steam gave no report of the game: {row_of(said.code).word}")
            settings = client.settings
        return f"Steam answered for the game {settings.app_id} by {settings.interface}."

    @asynccontextmanager
    async def _client(self, context: Context) -> AsyncIterator[Client]:
        """Yield a client; the block as a whole ends in time. Raises BadSettings, TimeoutError."""
        client = Client(context, read_settings(context))
        async with asyncio.timeout(self._timeout_seconds):
            yield client


PLUGIN = SteamWalletProvider()
