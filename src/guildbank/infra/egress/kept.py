"""Connections that stay open to the hosts that a tenant's plugins call all the time."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore
import httpx

KEPT = 256
"""Clients that are kept; one more than that takes the place of the one unused for longest."""


@dataclass(slots=True)
class _Lent:
    client: httpcore.AsyncConnectionPool
    users: int = 0


class Kept:
    """Lends a client for each owner and place.

    Owners never share one, nor do two hosts: a connection was judged, and its certificate checked,
    for the one host that it was opened for.
    """

    def __init__(self, open_client: Callable[[], httpcore.AsyncConnectionPool]) -> None:
        self._open = open_client
        self._lent: OrderedDict[tuple[str, str, int | None], _Lent] = OrderedDict()

    @asynccontextmanager
    async def lend(
        self, owner: str, target: httpx.URL
    ) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """Lend the client of this owner for the target's host and port."""
        key = (owner, target.host, target.port)
        lent = self._lent.get(key)
        if lent is None:
            lent = self._lent[key] = _Lent(self._open())
        self._lent.move_to_end(key)
        lent.users += 1
        try:
            await self._drop_unused()
            yield lent.client
        finally:
            lent.users -= 1

    async def close(self) -> None:
        """Close every connection."""
        while self._lent:
            _, lent = self._lent.popitem()
            await lent.client.aclose()

    async def _drop_unused(self) -> None:
        """Close those unused for longest; what is in use is never taken from its user."""
        while len(self._lent) > KEPT:
            unused = next((key for key, lent in self._lent.items() if lent.users == 0), None)
            if unused is None:
                return
            await self._lent.pop(unused).client.aclose()
