"""Keeps a peer that is down from piling up calls: few at once, and none for a while after failures.

if not breaker.enter():
    return UNAVAILABLE
try:
    ...
finally:
    breaker.leave(worked=worked)
"""

import time
from collections.abc import Callable


class Breaker:
    """Of one peer in this process. After `failures` in a row it opens for `pause_seconds`.

    Then one call at a time is let through, until one works.
    """

    def __init__(
        self,
        *,
        at_once: int,
        failures: int,
        pause_seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once
        self._failures = failures
        self._pause_seconds = pause_seconds
        self._now = now
        self._under_way = 0
        self._failed = 0
        self._open_until = 0.0

    def enter(self) -> bool:
        """Say whether a call may be made now; who hears yes must `leave`."""
        broken = self._failed >= self._failures
        if broken and self._now() < self._open_until:
            return False
        if self._under_way >= (1 if broken else self._at_once):
            return False
        self._under_way += 1
        return True

    def leave(self, *, worked: bool | None) -> None:
        """Say how the call went; None for one that was given up, which tells nothing."""
        self._under_way -= 1
        if worked is None:
            return
        self._failed = 0 if worked else self._failed + 1
        if self._failed >= self._failures:
            self._open_until = self._now() + self._pause_seconds
