"""Answers that may be a moment old: one load for all who ask at once, and a bounded number kept."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    task: "asyncio.Future[V]"
    stale_at: float


class Recent(Generic[K, V]):
    """Keeps what `load` returned for `seconds`, counted from when the load began.

    At most `capacity` answers are kept, the least recently asked is dropped. Absence is an answer
    like any other; an exception is none and is not kept.
    """

    def __init__(
        self, load: Callable[[K], Awaitable[V]], *, seconds: float, capacity: int = 10_000
    ) -> None:
        self._load = load
        self._seconds = seconds
        self._capacity = capacity
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    async def get(self, key: K) -> V:
        """Return the kept answer, or load it; raises what `load` raises."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is None or (entry.task.done() and (now >= entry.stale_at or _failed(entry))):
            entry = _Entry(asyncio.ensure_future(self._load(key)), now + self._seconds)
            self._keep(key, entry)
        self._entries.move_to_end(key)
        if entry.task.done():
            return entry.task.result()
        # Whoever goes away leaves the load to the others that wait for it.
        return await asyncio.shield(entry.task)

    def knows(self, key: K) -> bool:
        """Say whether the key was asked before and is still kept, stale or not."""
        return key in self._entries

    def move(self, key: K, to: "Recent[K, V]") -> None:
        """Let `to` keep the answer from now on; nothing happens if it was dropped meanwhile."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            to._keep(key, entry)

    def forget(self, key: K) -> None:
        """Drop the answer, and the one that is just being loaded."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop all answers."""
        self._entries.clear()

    def _keep(self, key: K, entry: _Entry[V]) -> None:
        self._entries[key] = entry
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)


def _failed(entry: _Entry[V]) -> bool:
    return entry.task.cancelled() or entry.task.exception() is not None
