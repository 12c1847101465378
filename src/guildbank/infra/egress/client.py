"""The one client for addresses that a tenant supplies: it looks before it connects.

A name is resolved once, every address it has is judged, and the connection goes to one of those
judged, so that a name server cannot answer differently the second time. Nothing is followed,
nothing is unpacked, no cookie is kept, and connections only where a caller asks for it.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Literal

import httpcore
import httpx
import msgspec
import structlog

from guildbank.infra.egress.kept import Kept
from guildbank.infra.egress.names import Resolve, Resolvers, system_resolve
from guildbank.infra.egress.places import Address, Reach, reach_of
from guildbank.infra.egress.wire import Wires

log = structlog.get_logger(__name__)

MAX_URL = 8_192
MAX_REQUEST_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 5.0
"""How long a connection that is kept may wait for the next request."""
TOTAL_SECONDS = 20.0
JUDGE_SECONDS = 3.0
MAX_ADDRESSES = 8
"""How many addresses of one name are tried."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class EgressRefused(Exception):
    """The request was not sent, because its address may not be reached. Names no secret."""


class EgressFailed(Exception):
    """No answer that can be used came. Names no secret."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of any status; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Egress:
    """Sends requests to addresses that strangers chose.

    `private` lets them into loopback and private networks, and there also without TLS; `allowed`
    does so for these places alone, each `host:port`. `resolve` and `trust` take the place of the
    system's resolver and certificate authorities.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        allowed: Collection[str] = (),
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.private = private
        self._allowed = frozenset(allowed)
        self._resolve = resolve
        self._resolvers = Resolvers(system_resolve)
        self._trust = trust
        self._kept = Kept(self._client)

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        hosts: frozenset[str] | None = None,
        total_seconds: float = TOTAL_SECONDS,
        owner: str = "",
        keep: bool = False,
    ) -> Answer:
        """Send one request; `hosts` are the only ones allowed, None means any.

        `owner` is whose address it is, such as a tenant: one whose names are slow to be found waits
        for itself alone. With `keep` the connection stays open for the owner's next request to the
        host.

        Raises EgressRefused and EgressFailed, within `total_seconds`.
        """
        target = read_url(url)
        if hosts is not None and target.host not in hosts:
            raise EgressRefused(f"{target.host[:255]} is not among the hosts that may be called")
        if body is not None and len(body) > MAX_REQUEST_BYTES:
            raise EgressRefused(f"a request of {len(body)} bytes, more than {MAX_REQUEST_BYTES}")
        try:
            async with asyncio.timeout(total_seconds):
                addresses = await self._addresses(target, owner)
                async with self._lend(owner, target, keep=keep) as client:
                    return await self._send(client, method, target, addresses, headers or {}, body)
        except TimeoutError:
            raise EgressFailed(f"{target.host} did not answer in time") from None

    async def judge(self, url: str, owner: str = "") -> None:
        """Raise what `send` would for this address: EgressRefused, or EgressFailed without a name.

        What it leads to may be another place tomorrow, so that every request is judged again.
        """
        target = read_url(url)
        try:
            async with asyncio.timeout(JUDGE_SECONDS):
                await self._addresses(target, owner)
        except TimeoutError:
            raise EgressFailed(f"{target.host} was not found in time") from None

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._kept.close()

    async def _ask(self, host: str, port: int, owner: str) -> Sequence[str]:
        if self._resolve is not None:
            return await self._resolve(host, port)
        if _is_address(host):
            return (host,)
        return await self._resolvers(host, port, owner)

    async def _addresses(self, target: httpx.URL, owner: str) -> list[Address]:
        """Return the addresses to try. One that may not be reached condemns them all."""
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            texts = await self._ask(target.host, port, owner)
            found = list(dict.fromkeys(ipaddress.ip_address(one) for one in texts))
        except (OSError, ValueError):
            raise EgressFailed(f"{target.host} has no address") from None
        places = {reach_of(address) for address in found}
        inside = self.private or f"{target.host}:{port}" in self._allowed
        if Reach.NEVER in places or (Reach.INSIDE in places and not inside):
            log.warning("egress_refused", host=target.host)
            raise EgressRefused(f"{target.host} leads to an address that may not be called")
        if target.scheme != "https" and places != {Reach.INSIDE}:
            raise EgressRefused(f"{target.host} must be called by https")
        return found[:MAX_ADDRESSES]

    @asynccontextmanager
    async def _lend(
        self, owner: str, target: httpx.URL, *, keep: bool
    ) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        async with self._kept.lend(owner, target) if keep else self._client() as client:
            yield client

    async def _send(
        self,
        client: httpcore.AsyncConnectionPool,
        method: str,
        target: httpx.URL,
        addresses: Sequence[Address],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer:
        lines = _head(method, target, headers, body)
        for address in addresses:
            request = httpcore.Request(
                method,
                httpcore.URL(
                    scheme=target.raw_scheme,
                    host=str(address).encode("ascii"),
                    port=target.port,
                    target=target.raw_path,
                ),
                headers=lines,
                content=body,
                # The deadline of the whole request bounds all but the connection.
                extensions={
                    "sni_hostname": target.host,
                    "timeout": {"connect": CONNECT_SECONDS},
                },
            )
            try:
                return await _exchange(client, request, target.host)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            except (
                httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException
            ) as error:  # fmt: skip
                what = type(error).__name__
                raise EgressFailed(f"{target.host} did not answer: {what}") from None
        raise EgressFailed(f"{target.host} could not be connected to")

    def _client(self) -> httpcore.AsyncConnectionPool:
        """Return a client that knows of no redirects, cookies, proxies and encodings."""
        return httpcore.AsyncConnectionPool(
            ssl_context=self._trust or _authorities(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Wires(),
        )


@cache
def _authorities() -> ssl.SSLContext:
    """Read the authorities once in a process: that takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def read_url(url: str) -> httpx.URL:
    """Return an address in the one form that is checked and called; raises EgressRefused."""
    if len(url) > MAX_URL or not url.isascii():
        raise EgressRefused(f"an address may have {MAX_URL} ASCII characters")
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise EgressRefused("an address that cannot be read") from None
    if target.scheme not in ("https", "http") or not target.host:
        raise EgressRefused("an address must begin with https:// and name a host")
    if target.userinfo:
        raise EgressRefused("an address may not carry a name or password")
    return target


def _is_address(host: str) -> bool:
    """Say whether a host is an address as it stands, so that there is no name to be found."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _head(
    method: str, target: httpx.URL, headers: Mapping[str, str], body: bytes | None
) -> list[tuple[bytes, bytes]]:
    """Return the header lines of a request; raises EgressRefused for what none can hold."""
    lines = {
        "user-agent": "guildbank",
        "accept": "*/*",
        **{name.lower(): value for name, value in headers.items()},
        "host": target.netloc.decode("ascii"),
        "accept-encoding": "identity",
    }
    if body is not None or method in ("POST", "PUT", "PATCH"):
        lines["content-length"] = str(len(body or b""))
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in lines.items()]
    except UnicodeEncodeError:
        raise EgressRefused("a header may hold ASCII characters alone") from None


async def _exchange(
    client: httpcore.AsyncConnectionPool, request: httpcore.Request, host: str
) -> Answer:
    response = await client.handle_async_request(request)
    try:
        headers: dict[str, str] = {}
        for name, value in response.headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        # What is packed could be small on the wire and fill the memory.
        if headers.get("content-encoding", "identity") != "identity":
            raise EgressFailed(f"{host} answered in an encoding not asked for")
        body = bytearray()
        async for part in response.aiter_stream():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise EgressFailed(f"{host} answered more than {MAX_ANSWER_BYTES} bytes")
    finally:
        await response.aclose()
    return Answer(status=response.status, headers=headers, body=bytes(body))
