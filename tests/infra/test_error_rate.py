"""A peer whose answers are errors too often is left alone, and tried again after a pause."""

import pytest

from guildbank.infra.error_rate import ErrorRate, ErrorRates, Rule

RULE = Rule(
    window_seconds=60, errors=10, rate=0.5, pause_seconds=30, trial_errors=3, trial_rate=0.3,
    trial_successes=5,
)  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peer(clock: Clock) -> ErrorRate:
    return ErrorRate(RULE, clock)


def told(peer: ErrorRate, *, worked: int = 0, failed: int = 0) -> list[bool]:
    return [peer.tell(worked=good) for good in [True] * worked + [False] * failed]


def test_few_errors_are_no_reason(peer: ErrorRate) -> None:
    assert not any(told(peer, failed=9))
    assert peer.allows()


def test_many_errors_among_many_more_successes_are_no_reason(peer: ErrorRate) -> None:
    assert not any(told(peer, worked=30, failed=12))
    assert peer.allows()


def test_enough_errors_at_a_high_rate_leave_the_peer_alone_for_a_while(
    peer: ErrorRate, clock: Clock
) -> None:
    assert told(peer, worked=5, failed=10)[-1]
    assert not peer.allows()
    clock.now += 29
    assert not peer.allows()
    clock.now += 1
    assert peer.allows()


def test_errors_are_forgotten_with_their_window(peer: ErrorRate, clock: Clock) -> None:
    told(peer, failed=9)
    clock.now += 61
    assert not any(told(peer, failed=9))
    assert peer.allows()


def test_after_the_pause_few_errors_suffice(peer: ErrorRate, clock: Clock) -> None:
    told(peer, failed=10)
    clock.now += 30
    assert told(peer, failed=3) == [False, False, True]
    assert not peer.allows()


def test_after_the_pause_enough_successes_make_it_as_before(peer: ErrorRate, clock: Clock) -> None:
    told(peer, failed=10)
    clock.now += 30
    assert not any(told(peer, worked=5))
    assert not any(told(peer, failed=9))
    assert peer.allows()


def test_calls_that_were_under_way_do_not_count_against_the_trial(
    peer: ErrorRate, clock: Clock
) -> None:
    told(peer, failed=10)
    assert not any(told(peer, failed=20))
    clock.now += 30
    assert not any(told(peer, failed=2))
    assert peer.allows()


def test_peers_are_known_apart_and_the_oldest_are_forgotten(clock: Clock) -> None:
    rates = ErrorRates(RULE, capacity=2, now=clock)
    told(rates.of("a"), failed=10)
    assert (rates.of("a").allows(), rates.of("b").allows()) == (False, True)
    rates.of("c")
    assert rates.of("a").allows()
