"""An answer is asked for once by all who want it, is never older than said, and few are kept."""

import asyncio

import pytest

from guildbank.infra.cache import Recent


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.open = asyncio.Event()
        self.open.set()

    async def load(self, key: str) -> str:
        self.asked += 1
        answer = f"{key}{self.asked}"
        await self.open.wait()
        if self.fails:
            raise ConnectionError("away")
        return answer


async def test_all_who_ask_at_once_share_one_load() -> None:
    source = Source()
    recent = Recent(source.load, seconds=60)
    assert set(await asyncio.gather(*(recent.get("a") for _ in range(50)))) == {"a1"}
    assert await recent.get("a") == "a1"
    assert source.asked == 1


async def test_an_answer_is_not_older_than_said() -> None:
    source = Source()
    recent = Recent(source.load, seconds=0.02)
    assert await recent.get("a") == "a1"
    await asyncio.sleep(0.03)
    assert await recent.get("a") == "a2"


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    source = Source()
    recent = Recent(source.load, seconds=60)
    source.fails = True
    for told in await asyncio.gather(*(recent.get("a") for _ in range(3)), return_exceptions=True):
        assert isinstance(told, ConnectionError)
    source.fails = False
    assert await recent.get("a") == "a2"


async def test_one_who_goes_away_does_not_take_the_answer_from_others() -> None:
    source = Source()
    source.open.clear()
    recent = Recent(source.load, seconds=60)
    first, second = (asyncio.create_task(recent.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.open.set()
    assert await second == "a1"


async def test_what_is_forgotten_while_it_loads_is_loaded_again() -> None:
    source = Source()
    source.open.clear()
    recent = Recent(source.load, seconds=60)
    early = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    recent.forget("a")
    source.open.set()
    assert await recent.get("a") == "a2"
    assert await early == "a1"
    assert await recent.get("a") == "a2"


async def test_the_least_asked_for_is_dropped() -> None:
    source = Source()
    recent = Recent(source.load, seconds=60, capacity=2)
    await recent.get("a")
    await recent.get("b")
    await recent.get("a")
    await recent.get("c")
    assert [recent.knows(key) for key in "abc"] == [True, False, True]


async def test_an_answer_that_another_keeps_is_not_asked_for_again() -> None:
    source = Source()
    before, after = (Recent(source.load, seconds=60) for _ in range(2))
    await before.get("a")
    before.move("a", after)
    assert await after.get("a") == "a1"
    assert not before.knows("a")


async def test_an_answer_that_was_dropped_is_not_kept_by_another() -> None:
    source = Source()
    before, after = (Recent(source.load, seconds=60) for _ in range(2))
    await before.get("a")
    before.clear()
    before.move("a", after)
    assert await after.get("a") == "a2"
