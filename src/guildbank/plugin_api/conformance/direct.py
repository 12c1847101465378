"""A client for tests of plugins: it calls whatever it is told to, where the core's looks first."""

import asyncio
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from guildbank.plugin_api.http import HttpAnswer, Method, NoAnswer

_MOST_BYTES = 1024 * 1024


class DirectHttp:
    """An `Http` for a plugin's own tests, on a machine whose servers are the tests' own.

    `timeout_seconds` bounds each step of a request, `total_seconds` all of it. As by the core's
    client, an answer of more than a megabyte is none.
    """

    def __init__(self, timeout_seconds: float = 30, total_seconds: float | None = None) -> None:
        self._timeout_seconds = timeout_seconds
        self._total_seconds = total_seconds

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and follow nothing. Raises NoAnswer."""
        try:
            async with asyncio.timeout(self._total_seconds):
                return await asyncio.to_thread(self._send, method, url, dict(headers or {}), body)
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"no answer came: {type(error).__name__}") from None

    def _send(
        self, method: Method, url: str, headers: dict[str, str], body: bytes | None
    ) -> HttpAnswer:
        target = urlsplit(url)
        kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
        connection = kind(target.netloc, timeout=self._timeout_seconds)
        try:
            path = target._replace(scheme="", netloc="").geturl() or "/"
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            # What is not read to its end holds the socket until it is closed itself.
            with answer:
                read = answer.read(_MOST_BYTES + 1)
                lacks = answer.length
            if len(read) > _MOST_BYTES:
                raise NoAnswer(f"the answer has more than {_MOST_BYTES} bytes")
            if lacks:
                raise NoAnswer(f"the answer lacks {lacks} bytes")
            return HttpAnswer(status=answer.status, headers=names, body=read)
        finally:
            connection.close()
