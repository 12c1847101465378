"""What waits for somebody silent keeps nothing else waiting, and its turn ends some time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from guildbank.infra.turns import Turn, alternating, beside, in_lanes


class Hand:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def turn_of(seconds: float, hand: Hand) -> Turn:
    return Turn(seconds, hand)


async def test_a_lane_keeps_its_order_and_waits_for_no_other() -> None:
    heard: list[str] = []
    quick_is_done = asyncio.Event()

    def say(word: str, *, waits: bool = False) -> Callable[[], Awaitable[int]]:
        async def work() -> int:
            if waits:
                await quick_is_done.wait()
            heard.append(word)
            if word == "quick 2":
                quick_is_done.set()
            return 1

        return work

    works = [
        ("slow", say("slow 1", waits=True)), ("slow", say("slow 2")),
        ("quick", say("quick 1")), ("quick", say("quick 2")),
    ]  # fmt: skip
    assert await in_lanes(Turn(60), works) == 4
    assert heard == ["quick 1", "quick 2", "slow 1", "slow 2"]


async def test_nothing_is_begun_once_the_turn_is_over() -> None:
    hand, begun = Hand(), list[int]()

    def work(number: int) -> Callable[[], Awaitable[int]]:
        async def take() -> int:
            begun.append(number)
            hand.at += 6
            return 1

        return take

    assert await in_lanes(turn_of(10, hand), [("one", work(n)) for n in range(5)]) == 2
    assert begun == [0, 1], "what was begun is ended, and the rest is left to the next turn"


async def test_every_lane_has_its_turn_some_time_though_there_are_more_than_places() -> None:
    begun: set[int] = set()

    async def turn() -> None:
        hand = Hand()

        def work(number: int) -> Callable[[], Awaitable[int]]:
            async def take() -> int:
                begun.add(number)
                hand.at += 11
                return 1

            return take

        await in_lanes(turn_of(10, hand), [(n, work(n)) for n in range(4)], at_once=1)

    # By chance one is left out of 200 turns once in 10**25 runs.
    for _ in range(200):
        await turn()
    assert begun == {0, 1, 2, 3}


async def test_what_one_lane_raises_stops_no_other_and_is_raised() -> None:
    done: list[str] = []

    async def fails() -> None:
        raise OSError("no disk")

    async def goes_on() -> None:
        await asyncio.sleep(0)
        done.append("it")

    with pytest.raises(OSError, match="no disk"):
        await beside([fails, goes_on])
    assert done == ["it"]


async def test_no_more_are_worked_on_at_once_than_there_are_places() -> None:
    within, most = 0, 0

    async def work() -> None:
        nonlocal within, most
        within += 1
        most = max(most, within)
        await asyncio.sleep(0)
        within -= 1

    await beside([work] * 9, at_once=3)
    assert most == 3


async def nothing() -> int:
    return 0


def test_kinds_take_turns() -> None:
    looks, refunds = [("a", nothing), ("b", nothing), ("c", nothing)], [("d", nothing)]
    assert [name for name, _ in alternating(looks, [], refunds)] == ["a", "d", "b", "c"]
