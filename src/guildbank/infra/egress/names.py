"""Turn names into addresses, in threads of which one tenant's slow name servers hold few."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host and a port into addresses as text; raises OSError."""

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
