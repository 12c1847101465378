"""The one client for addresses that a tenant supplies: it looks before it connects.

A name is resolved once, every address it has is judged, and the connection goes to one of those
judged, so that a name server cannot answer differently the second time. Nothing is followed,
nothing is unpacked, nothing is kept between two requests: neither cookies nor connections.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from typing import Literal

import httpx
import msgspec
import structlog

log = structlog.get_logger(__name__)

MAX_URL = 8_192
MAX_REQUEST_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
MAX_ADDRESSES = 8
"""How many addresses of one name are tried."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host and a port into addresses as text; raises OSError."""

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All other addresses of IPv6 wrap one of IPv4, stay in a network or are reserved."""
_6TO4 = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Hosts without IPv4 reach it by these (RFC 6052), so what is wrapped decides."""
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
_METADATA = ipaddress.ip_address("fd00:ec2::254")
"""AWS hands out credentials here, in the middle of a private range."""


class Reach(StrEnum):
    """Where an address lies."""

    PUBLIC = "public"
    INSIDE = "inside"
    """Loopback and private networks: only where the deployment allows."""
    NEVER = "never"
    """Link-local with its metadata servers, multicast, reserved: nobody's provider."""


class EgressRefused(Exception):
    """The request was not sent, because its address may not be reached. Names no secret."""


class EgressFailed(Exception):
    """No answer that can be used came. Names no secret."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of any status; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


RESOLVERS, RESOLVERS_OF_ONE = 32, 2
"""Threads that ask for names, and how many of them work for one tenant."""


class Resolvers:
    """Asks for names in threads of its own, of which whoever's name servers are slow has few.

    A thread that waits for a name server cannot be stopped, so it counts until it is back, however
    early its caller gave up. `ask` takes the place of the system's resolver.
    """

    def __init__(self, ask: Callable[[str, int], Sequence[str]]) -> None:
        self._ask = ask
        self._threads = ThreadPoolExecutor(RESOLVERS, "resolve")
        self._at_work: dict[str, int] = {}
        self._free = asyncio.Event()

    async def __call__(self, host: str, port: int, owner: str) -> Sequence[str]:
        """Return the addresses of a name, asked for an owner; its turn comes by the deadline."""
        while self._at_work.get(owner, 0) >= RESOLVERS_OF_ONE:
            self._free.clear()
            await self._free.wait()
        loop = asyncio.get_running_loop()
        self._at_work[owner] = self._at_work.get(owner, 0) + 1
        asked = self._threads.submit(self._ask, host, port)

        def back(_: object) -> None:
            # A process that ends does not wait for a name server.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._back, owner)

        asked.add_done_callback(back)
        return await asyncio.wrap_future(asked)

    def _back(self, owner: str) -> None:
        self._at_work[owner] -= 1
        if not self._at_work[owner]:
            del self._at_work[owner]
        self._free.set()


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[4][0]) for address in found]


class Egress:
    """Sends requests to addresses that strangers chose.

    `private` lets them into loopback and private networks, and there also without TLS. `resolve`
    and `trust` take the place of the system's resolver and certificate authorities.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.private = private
        self._resolve = resolve
        self._resolvers = Resolvers(system_resolve)
        self._trust = trust

    async def send(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        hosts: frozenset[str] | None = None,
        total_seconds: float = TOTAL_SECONDS,
        owner: str = "",
    ) -> Answer:
        """Send one request; `hosts` are the only ones allowed, None means any.

        `owner` is whose address it is, such as a tenant: one whose names are slow to be found waits
        for itself alone.

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
                return await self._send(method, target, addresses, headers or {}, body)
        except TimeoutError:
            raise EgressFailed(f"{target.host} did not answer in time") from None

    async def _ask(self, host: str, port: int, owner: str) -> Sequence[str]:
        if self._resolve is not None:
            return await self._resolve(host, port)
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
        if Reach.NEVER in places or (Reach.INSIDE in places and not self.private):
            log.warning("egress_refused", host=target.host)
            raise EgressRefused(f"{target.host} leads to an address that may not be called")
        if target.scheme != "https" and places != {Reach.INSIDE}:
            raise EgressRefused(f"{target.host} must be called by https")
        return found[:MAX_ADDRESSES]

    async def _send(
        self,
        method: str,
        target: httpx.URL,
        addresses: Sequence[Address],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer:
        async with httpx.AsyncClient(
            verify=self._certificates(),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            for address in addresses:
                request = client.build_request(
                    method,
                    target.copy_with(host=str(address)),
                    headers={
                        "user-agent": "guildbank",
                        **{name.lower(): value for name, value in headers.items()},
                        "host": target.netloc.decode("ascii"),
                        "accept-encoding": "identity",
                    },
                    content=body,
                    extensions={"sni_hostname": target.host},
                )
                try:
                    return await _exchange(client, request)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    what = type(error).__name__
                    raise EgressFailed(f"{target.host} did not answer: {what}") from None
        raise EgressFailed(f"{target.host} could not be connected to")

    def _certificates(self) -> ssl.SSLContext:
        """Read the authorities once: that takes longer than a request."""
        if self._trust is None:
            self._trust = httpx.create_ssl_context(trust_env=False)
        return self._trust


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


def reach_of(address: Address) -> Reach:
    """Return where an address lies; one of NAT64 lies where the IPv4 address in it lies."""
    if address in _NAT64:
        return reach_of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address == _METADATA:
        return Reach.NEVER
    if any(address in network for network in _INSIDE):
        return Reach.INSIDE
    if not address.is_global or address.is_multicast or address.is_reserved:
        return Reach.NEVER
    if address.version == 6 and (address not in _GLOBAL_UNICAST or address in _6TO4):
        return Reach.NEVER
    return Reach.PUBLIC


async def _exchange(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    response = await client.send(request, stream=True)
    try:
        # What is packed could be small on the wire and fill the memory.
        if response.headers.get("content-encoding", "identity") != "identity":
            raise EgressFailed(f"{request.headers['host']} answered in an encoding not asked for")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise EgressFailed(
                    f"{request.headers['host']} answered more than {MAX_ANSWER_BYTES} bytes"
                )
    finally:
        await response.aclose()
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body),
    )
