"""Limits hold for one worker and for many, and the store costs a request no round trip."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import structlog
from tests.counters import let_in, let_in_at_once, stop_workers, worker

from guildbank.infra.database import Database
from guildbank.infra.limits import RateLimit, Store, StoreAway
from guildbank.infra.limits import limiter as limiter_module
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.limits.in_redis import RedisStore
from guildbank.infra.limits.jobs import SWEEP_COUNTERS
from guildbank.infra.limits.policy import judge

HOUR = 3600
SLOW = RateLimit("slow", quota=20, window_seconds=HOUR)
EXACT = RateLimit("exact", quota=20, window_seconds=HOUR, exact=True)


def anew() -> str:
    """Return a caller that nobody has seen."""
    return f"caller-{random.getrandbits(64)}"


@pytest.mark.parametrize("limit", [SLOW, EXACT], ids=["shared", "exact"])
async def test_a_caller_gets_the_quota_and_no_more(store: Store, limit: RateLimit) -> None:
    limiter, caller = worker(store), anew()
    assert await let_in(limiter, limit, caller, 30) == 20
    assert await let_in(limiter, limit, anew(), 1) == 1
    verdict = await limiter.ask(limit, caller)
    assert (verdict.allowed, verdict.remaining) == (False, 0)
    # A twentieth of an hour makes room for one more.
    assert 170 <= verdict.wait_seconds <= 180


async def test_the_answer_counts_down(store: Store) -> None:
    limiter, caller = worker(store), anew()
    for limit in (SLOW, EXACT):
        left = [(await limiter.ask(limit, caller)).remaining for _ in range(3)]
        assert left == [19, 18, 17]


async def test_what_was_used_comes_back_evenly(store: Store) -> None:
    steady = RateLimit("steady", quota=20, window_seconds=40)
    limiter, caller = worker(store), anew()
    assert await let_in(limiter, steady, caller, 30) == 20
    await asyncio.sleep(2.6)
    # One comes back every two seconds; a busy machine may have taken longer.
    assert 1 <= await let_in(limiter, steady, caller, 20) <= 3


async def test_a_burst_over_a_short_window_is_over_when_the_window_is(store: Store) -> None:
    brief = RateLimit("brief", quota=4, window_seconds=2)
    limiter, caller = worker(store), anew()
    # Half a second makes room for one, which a busy machine may take for all of them.
    assert 4 <= await let_in(limiter, brief, caller, 6) <= 5
    await asyncio.sleep(2.4)
    assert 4 <= await let_in(limiter, brief, caller, 6) <= 5


async def test_an_exact_limit_holds_when_all_workers_are_asked_at_once(store: Store) -> None:
    workers = [worker(store) for _ in range(4)]
    assert await let_in_at_once(workers, EXACT, anew(), 25) == 20


async def test_workers_together_exceed_a_shared_limit_by_a_share_each_at_most(
    store: Store,
) -> None:
    limit = RateLimit("burst", quota=100, window_seconds=HOUR)
    for workers in (1, 2, 5):
        limiters = [worker(store) for _ in range(workers)]
        let = await let_in_at_once(limiters, limit, anew(), 120)
        assert 100 <= let <= 100 + workers * 10 - (10 if workers == 1 else 0), workers


async def test_the_bound_holds_whatever_workers_are_asked_and_when_they_tell(store: Store) -> None:
    limit = RateLimit("random", quota=40, window_seconds=HOUR)
    for seed in range(6):
        dice = random.Random(seed)
        limiters, caller, let = [worker(store) for _ in range(3)], anew(), 0
        for _ in range(300):
            one = dice.choice(limiters)
            if dice.random() < 0.1:
                await one.tell()
            else:
                let += (await one.ask(limit, caller)).allowed
        assert let <= 40 + 3 * 4, seed


async def test_a_worker_learns_what_another_let_in(store: Store) -> None:
    first, second, caller = worker(store), worker(store), anew()
    assert await let_in(first, SLOW, caller, 20) == 20
    await first.close()
    # A share of its own at most, before it has heard of the caller.
    assert await let_in(second, SLOW, caller, 20) <= 2
    assert not (await second.ask(SLOW, caller)).allowed


async def test_what_is_used_survives_a_worker(store: Store) -> None:
    first, caller = worker(store), anew()
    await let_in(first, SLOW, caller, 20)
    await first.close()
    assert await let_in(worker(store), SLOW, caller, 20) <= 2


async def test_a_request_that_is_paid_back_counts_for_nothing(store: Store) -> None:
    limiter, caller = worker(store), anew()
    for _ in range(100):
        assert (await limiter.ask(SLOW, caller)).allowed
        limiter.refund(SLOW, caller)
    assert (await limiter.ask(SLOW, caller)).remaining == 19


@pytest.fixture(autouse=True)
async def _stopped() -> AsyncIterator[None]:
    yield
    await stop_workers()


class Counted(PostgresStore):
    """The real store, which says how often it was asked."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.asked = 0

    async def add(self, debts_us):
        """Count, then ask."""
        self.asked += 1
        return await super().add(debts_us)


async def test_a_busy_caller_costs_no_round_trip_a_request(counters_db: Database) -> None:
    store = Counted(counters_db)
    limiter = worker(store)
    busy = RateLimit("busy", quota=100_000, window_seconds=60)
    assert await let_in(limiter, busy, anew(), 2_000) == 2_000
    assert store.asked <= 4
    before = store.asked
    for number in range(500):
        await limiter.ask(busy, f"one of many {number}")
    await asyncio.sleep(0.4)
    assert store.asked - before <= 3, "all callers are told of in one statement"


async def test_many_addresses_do_not_fill_a_worker(
    counters_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter_module, "MAX_KEYS", 1_000)
    monkeypatch.setattr(limiter_module, "MAX_UNTOLD", 200)
    limiter = worker(PostgresStore(counters_db))
    victim = anew()
    await let_in(limiter, SLOW, victim, 20)
    await limiter.tell()
    for number in range(3_000):
        await limiter.ask(SLOW, f"2001:db8:{number:x}::/64")
    assert len(limiter) <= 1_000
    # Who was forgotten here is still known to the store.
    assert await let_in(limiter, SLOW, victim, 20) <= 2


async def test_who_is_over_is_forgotten(counters_db: Database) -> None:
    store = PostgresStore(counters_db)
    limiter = worker(store)
    quick = RateLimit("quick", quota=1_000, window_seconds=1)
    for number in range(50):
        await limiter.ask(quick, f"passer-by {number}")
    assert len(limiter) == 50
    await limiter.tell()
    await asyncio.sleep(0.1)
    await limiter.ask(quick, "another")
    await limiter.tell()
    assert len(limiter) <= 1
    assert await store.sweep() >= 50


async def test_a_job_sweeps_what_is_over(counters_db: Database) -> None:
    @dataclass
    class Services:
        counters: Store

    store = PostgresStore(counters_db)
    await store.add({anew().encode()[-16:]: 1_000})
    await asyncio.sleep(0.01)
    await SWEEP_COUNTERS.run(Services(store))
    assert await store.sweep() == 0


async def test_the_sweep_leaves_who_still_owes(store: Store) -> None:
    limiter, caller = worker(store), anew()
    await let_in(limiter, EXACT, caller, 20)
    await store.sweep()
    assert not (await limiter.ask(EXACT, caller)).allowed


async def test_without_a_store_each_worker_counts_alone_and_exact_limits_are_closed() -> None:
    gone = Database("postgresql://u:p@127.0.0.1:1/none")
    for store in (PostgresStore(gone), RedisStore("redis://127.0.0.1:1/0")):
        limiter, caller = worker(store), anew()
        with structlog.testing.capture_logs() as logs:
            assert await let_in(limiter, SLOW, caller, 30) == 20
            with pytest.raises(StoreAway):
                await limiter.ask(EXACT, caller)
        assert [entry["event"] for entry in logs] == ["limits_store_away"]
        await stop_workers()
        await store.close()
    await gone.close()


def test_the_arithmetic_lets_the_whole_quota_in_at_once_and_one_more_each_interval():
    for quota in (1, 3, 7, 600, 120_000):
        limit = RateLimit("any", quota=quota, window_seconds=60)
        debt = 0
        for left in reversed(range(quota)):
            verdict = judge(limit, debt)
            assert verdict.allowed
            assert verdict.remaining == left
            debt += limit.cost_us
        assert not judge(limit, debt).allowed
        assert judge(limit, debt - limit.cost_us).allowed
