"""What the limiter and the throttle ask of a store, whichever it is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class StoreAway(ConnectionError):
    """The store of the counters does not answer; what was asked may have been counted or not."""


class Growth(msgspec.Struct, frozen=True):
    """After `free_tries` each try waits twice as long as the one before, at most `longest_seconds`.

    Tries are forgotten when `forget_seconds` have passed without one.
    """

    free_tries: int
    first_seconds: int
    longest_seconds: int
    forget_seconds: int

    def delay_seconds(self, tries: int) -> int:
        """Return how long to wait after so many tries."""
        if tries < self.free_tries:
            return 0
        # An exponent past 30 would only make a larger number of what is cut off anyway.
        doubled = self.first_seconds << min(tries - self.free_tries, 30)
        return min(self.longest_seconds, doubled)


class Store(Protocol):
    """Counters that all workers share. Keys are 16 bytes. Every call raises StoreAway.

    Times are the store's own, so workers' clocks need not agree.
    """

    async def add(self, debts_us: Mapping[bytes, int]) -> Mapping[bytes, int]:
        """Add to the debt of each key and return the debts after it; one round trip."""
        ...

    async def take(self, key: bytes, cost_us: int, capacity_us: int) -> tuple[bool, int]:
        """Add the cost unless the debt would pass the capacity; return whether, and the debt."""
        ...

    async def begin_try(self, growths: Sequence[tuple[bytes, Growth]]) -> int:
        """Count a try under every key and return 0, or count nothing and return seconds to wait."""
        ...

    async def take_back_try(self, key: bytes, growth: Growth) -> None:
        """Uncount one try."""
        ...

    async def forget_tries(self, key: bytes) -> None:
        """Begin anew under a key."""
        ...

    async def sweep(self) -> int:
        """Drop what is over; return how many keys that were."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
