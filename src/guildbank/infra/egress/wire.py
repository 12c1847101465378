"""Connections that send a request in one piece.

An HTTP client writes the head of a request and then its body. Each is a system call, a packet, and
a reason for the other side to wake up; both at once take half the time.
"""

import select
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore


class Wire(httpcore.AsyncNetworkStream):
    """A stream whose writings wait until an answer is wanted; requests are limited in size."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._socket = stream.get_extra_info("socket")
        self._unsent = bytearray()

    # Time limits as parameters are the interface of httpcore.
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Send what waits, and return what comes back, at most `max_bytes`."""
        # Who reads no more may have answered before.
        with suppress(httpcore.WriteError):
            await self._flush(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Keep it for the next reading."""
        self._unsent += buffer

    async def aclose(self) -> None:
        """Close it; what was not sent by now is of a request that nobody waits for."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return the stream within this one."""
        await self._flush(timeout)
        return Wire(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what the stream beneath knows of itself; it is asked often whether it has ended,
        which an idle connection has once there is anything to be read.
        """
        if info == "is_readable":
            return _is_readable(self._socket)
        return self._stream.get_extra_info(info)

    async def _flush(self, seconds: float | None) -> None:
        if self._unsent:
            unsent, self._unsent = bytes(self._unsent), bytearray()
            await self._stream.write(unsent, seconds)


class Wires(httpcore.AsyncNetworkBackend):
    """Opens them."""

    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host."""
        return Wire(
            await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    async def sleep(self, seconds: float) -> None:
        """Wait before a connection is tried again."""
        await self._backend.sleep(seconds)


def _is_readable(socket: Any) -> bool:
    """Say whether a socket has something to be read, or has ended."""
    number = -1 if socket is None else socket.fileno()
    if number < 0:
        return True
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
