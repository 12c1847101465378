"""Networks in which a plugin's peer is away, and the time that a plugin has to notice."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from guildbank.plugin_api.conformance import wrong_servers
from guildbank.plugin_api.conformance.contracts import DoesNotApply, NotRun
from guildbank.plugin_api.conformance.direct import DirectHttp
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.wrong_servers import Answering, answering
from guildbank.plugin_api.http import HttpAnswer, Method
from guildbank.plugin_api.manifest import Manifest

T = TypeVar("T")
Network = Callable[[], Hostile]
"""Makes a network of which nobody has asked anything yet."""

_GRACE_SECONDS = 2
_PATIENCE_SECONDS = 0.5
RUBBISH_BODIES = (
    b"",
    b"<html>Sign in to the hotel's network</html>",
    b"\xff\xfe\xfd",
    b"7",
    b'"text"',
    b'{"error": "unavailable"}',
    b'{"truncated": ',
    b"[" * 50_000,
)


class Hanging(Hostile):
    """A network in which no request ends."""

    def __init__(self) -> None:
        super().__init__(None)

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Wait for ever."""
        self.asked.append(url)
        return await asyncio.Future()


def _saying(status: int, body: bytes = b"", **headers: str) -> Network:
    return lambda: Hostile(HttpAnswer(status=status, headers=headers, body=body))


AWAY: Mapping[str, Network] = {
    "nobody answers": lambda: Hostile(None),
    "no answer comes in time": Hanging,
    "the peer answers 500": _saying(500),
    "the peer answers 503": _saying(503, b"{}"),
    "the peer answers 429": _saying(429, b"{}"),
    "the peer answers 302": _saying(302, location="https://elsewhere.example/"),
}
"""Networks in which no peer does its work, by the words that say how."""

RUBBISH: Mapping[str, Network] = {
    f"the peer answers 200 and {body[:40]!r}": _saying(200, body) for body in RUBBISH_BODIES
}
"""Networks in which somebody answers who is not the peer."""


class Served(Hostile):
    """A network in which a server answers each request wrongly, over a connection of its own.

    What comes of that is what the core's client makes of it, which here has less patience than a
    plugin: NoAnswer.
    """

    def __init__(self, wrongly: Answering) -> None:
        super().__init__(None)
        self._wrongly = wrongly

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send to that server, whatever was to be asked; raises NoAnswer."""
        self.asked.append(url)
        async with answering(self._wrongly) as server:
            http = DirectHttp(total_seconds=_PATIENCE_SECONDS)
            return await http.send(method, server.url, headers=headers, body=body)


def _served(wrongly: Answering) -> Network:
    return lambda: Served(wrongly)


CUT: Mapping[str, Network] = {
    "the answer is cut off": _served(wrong_servers.CUT[0]),
    "the answer is cut off before it begins": _served(wrong_servers.CUT[1]),
}
"""Networks in which the connection ends within an answer."""
LATE: Mapping[str, Network] = {"the answer comes to no end": _served(wrong_servers.LATE[0])}
"""A network in which an answer begins at once, and does not end in time."""
HUGE: Mapping[str, Network] = {"the answer has megabytes": _served(wrong_servers.HUGE[0])}
"""A network in which the answer is more than anybody reads."""


def nobody_asked(manifest: Manifest, why: str) -> NotRun:
    """Return that a run in wrong networks has shown nothing, since nobody was asked in them."""
    if manifest.egress_hosts:
        return NotRun(why)
    return DoesNotApply("the manifest names no host: the plugin calls nobody")


def undeclared(manifest: Manifest, asked: Sequence[str]) -> str | None:
    """Return the first host that was asked and that the manifest does not name."""
    if "*" in manifest.egress_hosts:
        return None
    hosts = (urlsplit(url).hostname or url for url in asked)
    return next((host for host in hosts if host not in manifest.egress_hosts), None)


async def in_time(call: Awaitable[T], limit_seconds: float) -> T:
    """Await a call as the core does.

    Raises TimeoutError past the limit, and Fault if the call goes on even then.
    """

    async def limited() -> T:
        async with asyncio.timeout(limit_seconds):
            return await call

    task = asyncio.create_task(limited())
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_seconds + _GRACE_SECONDS)
    finally:
        task.cancel()
    if not done:
        raise Fault(f"still waits after its own limit of {limit_seconds} s")
    return task.result()
