"""Decides whether a request is let in: by the store itself, or by counts that workers share.

A *shared* limit costs a request no round trip. Each worker counts what it lets in, and tells the
store all of it in one statement a quarter of a second later; the answer is what everybody used.
What a worker has not told yet stays within a share, a tenth of the quota (at least one request):
a caller who uses more in a quarter of a second waits for the store, a millisecond or so. So `n`
workers let in at most `quota + n * share` at once, and `quota / window` a second from then on.

While the store is away shared limits go on, each worker by its own count; *exact* ones raise
StoreAway, because they stand before what must not be guessed.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b

import structlog

from guildbank.infra.limits.policy import RateLimit, Verdict, admission, judge, refusal
from guildbank.infra.limits.stores import Store, StoreAway

log = structlog.get_logger("guildbank.limits")

TELL_SECONDS = 0.25
RETRY_SECONDS = 1.0
"""How long a store that did not answer is left alone."""
MAX_KEYS = 20_000
"""Callers that a worker remembers. The one longest unseen is forgotten first; what it used is
still in the store."""
MAX_UNTOLD = 10_000
STATEMENT_KEYS = 2_000
DROPPED_A_TURN = 2_000


class _Count:
    """What a worker knows of one caller under one limit."""

    __slots__ = ("full_at_us", "key", "limit", "listed", "untold_us")

    def __init__(self, limit: RateLimit, key: str) -> None:
        self.limit = limit
        self.key = key
        self.full_at_us = 0
        self.untold_us = 0
        self.listed = False


def _now_us() -> int:
    return time.monotonic_ns() // 1000


class Limiter:
    """The limits of one worker process over a store. `secret` keeps callers' names out of it."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret[: blake2b.MAX_KEY_SIZE]
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._untold: list[_Count] = []
        self._due: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None
        self._away_until_us = 0
        self._away = False

    async def ask(self, limit: RateLimit, key: str) -> Verdict:
        """Return whether one request of `key` is let in; it is counted if so.

        Raises StoreAway for an exact limit.
        """
        if limit.exact:
            allowed, debt_us = await self._store.take(
                self._hidden(limit.name, key), limit.cost_us, limit.capacity_us
            )
            return admission(limit, debt_us) if allowed else refusal(limit, debt_us)
        while (verdict := self._count(limit, key)) is None:
            await self.tell()
        return verdict

    def refund(self, limit: RateLimit, key: str) -> None:
        """Uncount one request that a shared limit let in."""
        count = self._counts.get((limit.name, key))
        if count is not None:
            count.full_at_us -= limit.cost_us
            count.untold_us -= limit.cost_us
            self._list(count)

    async def tell(self) -> None:
        """Tell the store what was let in, and learn what others let in.

        Joins the telling that is under way; what was let in since it began waits for the next.
        """
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())
        await asyncio.shield(self._telling)

    async def close(self) -> None:
        """Tell what is left."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._untold:
            await self.tell()

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._counts)

    def _count(self, limit: RateLimit, key: str) -> Verdict | None:
        """Count a request, or return None: the store must be told first."""
        name = (limit.name, key)
        count = self._counts.get(name)
        if count is None:
            count = self._counts[name] = _Count(limit, key)
            if len(self._counts) > MAX_KEYS:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(name)
        now_us = _now_us()
        debt_us = max(0, count.full_at_us - now_us)
        verdict = judge(limit, debt_us)
        if not verdict.allowed:
            return verdict
        if count.untold_us + limit.cost_us > limit.share_us and not self._away:
            return None
        count.full_at_us = now_us + debt_us + limit.cost_us
        count.untold_us += limit.cost_us
        self._list(count)
        return verdict

    def _list(self, count: _Count) -> None:
        if count.listed:
            return
        count.listed = True
        self._untold.append(count)
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(TELL_SECONDS, self._begin_telling)
        if len(self._untold) >= MAX_UNTOLD:
            self._begin_telling()

    def _begin_telling(self) -> None:
        self._due = None
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            counts, self._untold = self._untold, []
            for part in _parts(counts):
                await self._tell_part(part)
        finally:
            self._telling = None
            self._drop_finished()

    async def _tell_part(self, counts: list[_Count]) -> None:
        told: dict[bytes, _Count] = {}
        for count in counts:
            count.listed = False
            if count.untold_us:
                key = self._hidden(count.limit.name, count.key)
                if key in told:
                    # It was forgotten among too many, and came again.
                    count.untold_us += told[key].untold_us
                told[key] = count
        if not told:
            return
        sent = {key: count.untold_us for key, count in told.items()}
        try:
            if _now_us() < self._away_until_us:
                raise StoreAway("it did not answer a moment ago")
            debts = await self._store.add(sent)
        except Exception as error:  # whatever it is, requests go on, counted here alone
            self._note_absence(error)
            # Nobody pays for it when the store is back.
            for key, count in told.items():
                count.untold_us -= sent[key]
            return
        self._note_presence()
        now_us = _now_us()
        for key, count in told.items():
            count.untold_us -= sent[key]
            # Counted from now: the answer took its time, and this errs on the strict side.
            count.full_at_us = now_us + debts.get(key, 0) + count.untold_us

    def _note_absence(self, error: Exception) -> None:
        now_us = _now_us()
        if now_us >= self._away_until_us:
            self._away_until_us = now_us + int(RETRY_SECONDS * 1_000_000)
        if not self._away:
            known = isinstance(error, StoreAway)
            log.log(
                logging.WARNING if known else logging.ERROR,
                "limits_store_away",
                cause=str(error),
                meaning="each worker counts alone",
                exc_info=None if known else error,
            )
        self._away = True

    def _note_presence(self) -> None:
        if self._away:
            log.info("limits_store_back")
        self._away = False

    def _drop_finished(self) -> None:
        """Forget callers who are as if they had never called, the longest unseen first."""
        now_us = _now_us()
        for _ in range(min(len(self._counts), DROPPED_A_TURN)):
            name, count = next(iter(self._counts.items()))
            if count.full_at_us > now_us or count.listed:
                return
            del self._counts[name]

    def _hidden(self, name: str, key: str) -> bytes:
        return blake2b(f"{name}\0{key}".encode(), key=self._secret, digest_size=16).digest()


def _parts(counts: list[_Count]) -> Iterator[list[_Count]]:
    for begin in range(0, len(counts), STATEMENT_KEYS):
        yield counts[begin : begin + STATEMENT_KEYS]
