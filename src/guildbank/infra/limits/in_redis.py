"""The counters in Redis or Valkey: scripts that run whole, with the server's own time.

All keys share a hash tag, so that a script with many of them also runs on a cluster. Each key ends
by itself when it says nothing any more, so there is nothing to sweep.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from guildbank.infra.limits.stores import Growth, StoreAway

PATIENCE_SECONDS = 1.0
CONNECTIONS = 8
RATE, TRY = b"{guildbank}:rate:", b"{guildbank}:try:"

_NOW_US = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""

# A double is exact up to 2^53, and a time in microseconds is below that until the year 2255.
_DEBTS = (
    _NOW_US
    + """
local function full_at(key)
    return math.max(tonumber(redis.call('GET', key) or '0'), now)
end
local function keep(key, full)
    local debt = full - now
    if debt > 0 then
        redis.call('SET', key, string.format('%.0f', full),
            'PX', string.format('%.0f', math.ceil(debt / 1000)))
    else
        redis.call('DEL', key)
    end
    return debt
end
"""
)

ADD = (
    _DEBTS
    + """
local debts = {}
for i, key in ipairs(KEYS) do
    debts[i] = keep(key, full_at(key) + tonumber(ARGV[i]))
end
return debts
"""
)

TAKE = (
    _DEBTS
    + """
local before = full_at(KEYS[1])
local after = before + tonumber(ARGV[1])
if after > now + tonumber(ARGV[2]) then
    return {0, before - now}
end
return {1, keep(KEYS[1], after)}
"""
)

# Four arguments a key: free tries, first, longest and forgotten seconds.
BEGIN_TRY = (
    _NOW_US
    + """
local wait = 0
for _, key in ipairs(KEYS) do
    wait = math.max(wait, tonumber(redis.call('HGET', key, 'free_at') or '0') - now)
end
if wait > 0 then
    return math.ceil(wait / 1000000)
end
for i, key in ipairs(KEYS) do
    local free, first = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
    local longest, forget = tonumber(ARGV[4 * i - 1]), ARGV[4 * i]
    local tries = redis.call('HINCRBY', key, 'tries', 1)
    local delay = 0
    if tries >= free then
        delay = math.min(longest, first * 2 ^ math.min(tries - free, 30))
    end
    redis.call('HSET', key, 'free_at', string.format('%.0f', now + delay * 1000000))
    redis.call('EXPIRE', key, forget)
end
return 0
"""
)

TAKE_BACK_TRY = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
local tries = redis.call('HINCRBY', KEYS[1], 'tries', -1)
if tries <= 0 then
    redis.call('DEL', KEYS[1])
elseif tries < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'free_at', '0')
end
return 0
"""


class RedisStore:
    """`Store` on one Redis or Valkey; `url` is `redis://` or `rediss://`.

    What it does not answer within `patience_seconds` raises StoreAway.
    """

    def __init__(self, url: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        # Nothing is sent twice by itself: it would be counted twice. Who finds every connection in
        # use waits its turn, as at the database.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=patience_seconds,
            socket_timeout=patience_seconds,
            socket_connect_timeout=patience_seconds,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
        )
        self._redis = Redis.from_pool(pool)
        self._add = self._redis.register_script(ADD)
        self._take = self._redis.register_script(TAKE)
        self._begin_try = self._redis.register_script(BEGIN_TRY)
        self._take_back_try = self._redis.register_script(TAKE_BACK_TRY)

    async def add(self, debts_us: Mapping[bytes, int]) -> Mapping[bytes, int]:
        """See `Store`."""
        async with _answering():
            found: list[int] = await self._add(
                [RATE + key for key in debts_us], list(debts_us.values())
            )
        return dict(zip(debts_us, found, strict=True))

    async def take(self, key: bytes, cost_us: int, capacity_us: int) -> tuple[bool, int]:
        """See `Store`."""
        async with _answering():
            allowed, debt_us = await self._take([RATE + key], [cost_us, capacity_us])
        return allowed == 1, debt_us

    async def begin_try(self, growths: Sequence[tuple[bytes, Growth]]) -> int:
        """See `Store`."""
        arguments: list[Any] = []
        for _, growth in growths:
            arguments += [growth.free_tries, growth.first_seconds]
            arguments += [growth.longest_seconds, growth.forget_seconds]
        async with _answering():
            wait: int = await self._begin_try([TRY + key for key, _ in growths], arguments)
        return wait

    async def take_back_try(self, key: bytes, growth: Growth) -> None:
        """See `Store`."""
        async with _answering():
            await self._take_back_try([TRY + key], [growth.free_tries])

    async def forget_tries(self, key: bytes) -> None:
        """See `Store`."""
        async with _answering():
            await self._redis.delete(TRY + key)

    async def sweep(self) -> int:
        """Do nothing: Redis drops each key when its time is over."""
        return 0

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turn whatever keeps Redis from answering in time into StoreAway."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreAway(f"the counters in Redis do not answer: {error!r}") from error
