"""The SDK's client for one call: the tenant's key, the core's connections, no retries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stripe import StripeClient

from guildbank.plugin_api import Context
from guildbank_stripe.settings import Settings
from guildbank_stripe.transport import Transport


@asynccontextmanager
async def open_client(
    context: Context, settings: Settings, timeout_seconds: float
) -> AsyncIterator[StripeClient]:
    """Yield a client; the block as a whole ends in time, or raises TimeoutError.

    The core retries, and only what it knows to be safe.
    """
    async with asyncio.timeout(timeout_seconds):
        yield StripeClient(
            settings.secret_key,
            max_network_retries=0,
            http_client=Transport(context.http),
            base_addresses={} if settings.api_base is None else {"api": settings.api_base},
        )
