"""Delivers webhooks: several times, late, or signed by a stranger, as the switches say."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

MOST_WAITING = 10_000
_TRIES = 6
_SEND_SECONDS = 10.0


class Courier:
    """Sends in the background; what a stop cuts off is lost, as the whole lab is."""

    def __init__(self, retry_seconds: float, *, anywhere: bool) -> None:
        self._retry_seconds = retry_seconds
        self._anywhere = anywhere
        self._client = httpx.AsyncClient(
            timeout=_SEND_SECONDS, follow_redirects=False, trust_env=False
        )
        self._sending: set[asyncio.Task[None]] = set()

    def send(
        self,
        url: str,
        headers: Callable[[], Mapping[str, str]],
        body: bytes,
        *,
        after_seconds: float = 0,
    ) -> None:
        """Send once it is time; `headers` signs anew for each try. Too many waiting are dropped."""
        if len(self._sending) < MOST_WAITING and (self._anywhere or is_loopback(url)):
            task = asyncio.create_task(self._deliver(url, headers, body, after_seconds))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def rest(self) -> None:
        """Wait until everything that is on its way was taken or given up."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def close(self) -> None:
        """End all deliveries."""
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(
        self, url: str, headers: Callable[[], Mapping[str, str]], body: bytes, after: float
    ) -> None:
        await asyncio.sleep(after)
        for number in range(_TRIES):
            with suppress(httpx.HTTPError, OSError):
                answer = await self._client.post(url, content=body, headers=dict(headers()))
                if answer.is_success:
                    return
            await asyncio.sleep(self._retry_seconds * 2**number)


def is_loopback(url: str) -> bool:
    """Say whether a webhook stays on this machine."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
