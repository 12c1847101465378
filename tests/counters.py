"""The two places where counters may be kept, for tests that hold for both."""

import asyncio

from guildbank.infra.limits import Limiter, RateLimit, Store

SECRET = bytes(32)
_WORKERS: list[Limiter] = []


def worker(store: Store) -> Limiter:
    """Return what one worker process has."""
    made = Limiter(store, SECRET)
    _WORKERS.append(made)
    return made


async def stop_workers() -> None:
    """Close every worker, before its store is."""
    while _WORKERS:
        await _WORKERS.pop().close()


async def let_in(limiter: Limiter, limit: RateLimit, key: str, tries: int) -> int:
    """Try one after the other; return how many were let in."""
    verdicts = [await limiter.ask(limit, key) for _ in range(tries)]
    return sum(verdict.allowed for verdict in verdicts)


async def let_in_at_once(limiters: list[Limiter], limit: RateLimit, key: str, tries: int) -> int:
    """Try `tries` times at each worker, all at the same time; return how many were let in."""
    asked = [limiter.ask(limit, key) for limiter in limiters for _ in range(tries)]
    return sum(verdict.allowed for verdict in await asyncio.gather(*asked))
