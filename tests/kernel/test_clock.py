"""The time is asked for in one way, has its zone, and stands still when a test wants it to."""

from datetime import UTC, datetime, timedelta

from guildbank.kernel import FixedClock, SystemClock


def test_the_machines_clock_goes_forward_in_utc():
    clock = SystemClock()
    before = datetime.now(UTC)
    first, second = clock.now(), clock.now()
    assert before <= first <= second <= datetime.now(UTC)
    assert first.tzinfo is UTC


def test_a_fixed_clock_moves_when_it_is_told_to():
    start = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
    clock = FixedClock(start)
    assert clock.now() == clock.now() == start
    clock.advance(timedelta(seconds=1))
    assert clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    clock.advance(timedelta(seconds=-1))
    assert clock.now() == start
