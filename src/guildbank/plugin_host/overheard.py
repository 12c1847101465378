"""Lets somebody know of each request that a plugin makes, and what came of it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from guildbank.plugin_api import Http, HttpAnswer, Method, NoAnswer


class Heard(NamedTuple):
    """A request and its answer, or the problem for which there is none."""

    method: str
    url: str
    body: bytes | None
    answer: HttpAnswer | None
    problem: str | None
    micros: int


class Overheard:
    """A plugin's HTTP client with a listener, who must be quick and raise nothing."""

    def __init__(self, http: Http, listener: Callable[[Heard], None]) -> None:
        self._http, self._listener = http, listener

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and follow nothing; raises NoAnswer."""
        began = time.monotonic_ns()

        def tell(answer: HttpAnswer | None, problem: str | None) -> None:
            micros = (time.monotonic_ns() - began) // 1_000
            self._listener(Heard(method, url, body, answer, problem, micros))

        try:
            answer = await self._http.send(method, url, headers=headers, body=body)
        except NoAnswer as none:
            tell(None, str(none))
            raise
        except asyncio.CancelledError:
            tell(None, "The plugin's time was over before an answer came.")
            raise
        tell(answer, None)
        return answer
