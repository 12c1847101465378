"""Leaves a peer alone for a while once too many of its answers are errors, then tries it again.

Saleor's rule: within a window it opens at so many errors that are such a part of all calls; after a
pause some calls are let through, and their errors or successes decide.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

import msgspec


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to open, and when to close again; rates are parts of all calls, times in seconds."""

    window_seconds: float = 300.0
    errors: int = 100
    rate: float = 0.35
    pause_seconds: float = 120.0
    trial_errors: int = 20
    trial_rate: float = 0.30
    trial_successes: int = 50


class ErrorRate:
    """Of one peer in this process."""

    def __init__(self, rule: Rule, now: Callable[[], float] = time.monotonic) -> None:
        self._rule = rule
        self._now = now
        self._calls: deque[tuple[float, bool]] = deque()
        self._errors = 0
        self._open_until = 0.0
        self._trying = False

    def allows(self) -> bool:
        """Say whether the peer may be called now."""
        return self._now() >= self._open_until

    def tell(self, *, worked: bool) -> bool:
        """Count a call; return whether this one made the peer be left alone."""
        now = self._now()
        if now < self._open_until:
            # It was under way when others had failed already.
            return False
        if self._open_until and not self._trying:
            self._forget()
            self._trying = True
        self._count(now, worked)
        rule, calls = self._rule, len(self._calls)
        errors, rate = (
            (rule.trial_errors, rule.trial_rate) if self._trying else (rule.errors, rule.rate)
        )
        if self._errors >= errors and self._errors >= rate * calls:
            self._open_until = now + rule.pause_seconds
            self._trying = False
            self._forget()
            return True
        if self._trying and calls - self._errors >= rule.trial_successes:
            self._open_until, self._trying = 0.0, False
            self._forget()
        return False

    def _count(self, now: float, worked: bool) -> None:
        self._calls.append((now, worked))
        self._errors += not worked
        while self._calls[0][0] < now - self._rule.window_seconds:
            _, old = self._calls.popleft()
            self._errors -= not old

    def _forget(self) -> None:
        self._calls.clear()
        self._errors = 0


class ErrorRates:
    """Those of many peers; the ones that were called least recently are forgotten."""

    def __init__(
        self, rule: Rule, *, capacity: int = 10_000, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rule = rule
        self._capacity = capacity
        self._now = now
        self._known: OrderedDict[Hashable, ErrorRate] = OrderedDict()

    def of(self, peer: Hashable) -> ErrorRate:
        """Return that of a peer."""
        known = self._known.get(peer)
        if known is None:
            known = self._known[peer] = ErrorRate(self._rule, self._now)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(peer)
        return known
