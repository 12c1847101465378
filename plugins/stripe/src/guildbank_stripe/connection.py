"""Connections to Stripe: shared while an event loop lives, never between a server and another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from stripe import StripeClient

from guildbank_stripe.settings import Settings
from guildbank_stripe.transport import Transport


class Connections:
    """Lends an SDK client for one call, with the tenant's key and no retries of its own.

    The core retries, and only what it knows to be safe. Connections to Stripe itself are pooled
    for each event loop; a test server named by `api_base` gets its own, closed after the call, so
    that nothing of the shared pool (the SDK's telemetry header for one) reaches it.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Transport] = WeakKeyDictionary()

    @asynccontextmanager
    async def client(self, settings: Settings) -> AsyncIterator[StripeClient]:
        """Yield a client; the block as a whole ends in time, or raises TimeoutError."""
        async with asyncio.timeout(self._timeout_seconds):
            if settings.api_base is None:
                yield StripeClient(
                    settings.secret_key, max_network_retries=0, http_client=self.pool()
                )
                return
            own = Transport(self._timeout_seconds)
            try:
                yield StripeClient(
                    settings.secret_key,
                    max_network_retries=0,
                    http_client=own,
                    base_addresses={"api": settings.api_base},
                )
            finally:
                await own.close_async()

    async def close(self) -> None:
        """Close the pool of the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.close_async()

    def pool(self) -> Transport:
        """Return the connections to Stripe that belong to the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = Transport(self._timeout_seconds)
        return self._pools[loop]
