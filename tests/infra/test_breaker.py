"""A breaker lets few calls through at once, and hardly any to a peer that is down."""

import pytest

from guildbank.infra.breaker import Breaker


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def breaker(now: list[float]) -> Breaker:
    return Breaker(at_once=2, failures=3, pause_seconds=5, now=lambda: now[0])


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.enter()
        breaker.leave(worked=False)


def test_only_so_many_calls_are_under_way_at_once(breaker: Breaker):
    assert [breaker.enter() for _ in range(3)] == [True, True, False]
    breaker.leave(worked=True)
    assert breaker.enter()


def test_after_failures_in_a_row_nobody_is_let_through_for_a_while(breaker, now):
    fail(breaker, 3)
    assert not breaker.enter()
    now[0] = 4.9
    assert not breaker.enter()


def test_then_one_call_at_a_time_tries_and_a_success_lets_all_through(breaker, now):
    fail(breaker, 3)
    now[0] = 5.0
    assert [breaker.enter(), breaker.enter()] == [True, False]
    breaker.leave(worked=False)
    assert not breaker.enter()
    now[0] = 10.0
    assert breaker.enter()
    breaker.leave(worked=True)
    assert [breaker.enter(), breaker.enter()] == [True, True]


def test_a_call_that_was_given_up_tells_nothing(breaker: Breaker):
    fail(breaker, 2)
    for _ in range(9):
        assert breaker.enter()
        breaker.leave(worked=None)
    fail(breaker, 1)
    assert not breaker.enter()


def test_a_success_between_failures_begins_the_row_anew(breaker: Breaker):
    fail(breaker, 2)
    assert breaker.enter()
    breaker.leave(worked=True)
    fail(breaker, 2)
    assert breaker.enter()
