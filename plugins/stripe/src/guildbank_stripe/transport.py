"""HTTP for the SDK, because its own client for httpx calls httpx in a deprecated way."""

from collections.abc import Mapping

import httpx
from stripe import APIConnectionError, HTTPClient


class Transport(HTTPClient):
    """Sends the SDK's requests with httpx: no redirects, no cookies kept, a bounded pool.

    `timeout_seconds` bounds each step (connect, send, receive); the caller bounds the whole.
    """

    name = "httpx"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._http = httpx.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | bytes | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request. Raises APIConnectionError, which names no header and no body."""
        try:
            response = await self._http.request(
                method, url, headers=dict(headers), content=post_data
            )
        except httpx.HTTPError as error:
            raise APIConnectionError(  # type: ignore[no-untyped-call]
                f"Stripe did not answer: {type(error).__name__}"
            ) from error
        finally:
            # Tenants share a pool; a cookie set for one must not be sent for another.
            self._http.cookies.clear()
        return response.content, response.status_code, response.headers

    async def close_async(self) -> None:
        """Close the pool."""
        await self._http.aclose()
