"""HTTP for the SDK: what it sends goes by the core's client, which keeps the connections."""

from collections.abc import Mapping

from stripe import APIConnectionError, HTTPClient

from guildbank.plugin_api import Http, Method, NoAnswer

_METHODS: Mapping[str, Method] = {"get": "GET", "post": "POST", "delete": "DELETE"}


class Transport(HTTPClient):
    """Sends the SDK's requests by the client of one call's context; it keeps no cookie."""

    name = "guildbank"

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | bytes | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request. Raises APIConnectionError, which names no header and no body."""
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = await self._http.send(_METHODS[method], url, headers=headers, body=body)
        except NoAnswer as error:
            raise APIConnectionError(f"Stripe did not answer: {error}") from error  # type: ignore[no-untyped-call]
        return answer.body, answer.status, answer.headers
