"""Run acts as one batch: decided under the lock, or ahead of it."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

import pytest
from tests.economy import Move
from tests.studio import GEM, Studio

from guildbank.journal import Act, Journal, Outcome, Receipt, foresight
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Head
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import Grant, Spend
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.spend import SpendAct

T = TypeVar("T")
WHO = "app_ahead"
GATES = (SpendLimit(),)
IDLE = Move("test.idle", {}, [], None)
"""Moves nothing, and is a batch all the same."""


class Way:
    """How acts are run: under the lock, or ahead of it."""

    def __init__(self, *, ahead: bool) -> None:
        self.ahead = ahead
        self.used: list[bool] = []
        self.held, self.open = asyncio.Event(), asyncio.Event()
        self.holds = False

    async def probe(self, point: str) -> None:
        """Hold the batch before the one in question until that one is decided."""
        if point == "before_commit" and self.holds:
            self.holds = False
            self.held.set()
            await self.open.wait()

    async def run(
        self, studio: Studio, acts: Sequence[Act], *, together: bool = False, before: Act = IDLE
    ) -> list[Outcome]:
        """Run the acts as one batch behind that of another act; return what each ended with."""
        journal = Journal(studio.city.services.db, probe=self.probe)

        async def send() -> list[Outcome]:
            if together:
                return await journal.submit_all(studio.ref.schema, acts)
            answers = await journal.submit_each(studio.ref.schema, acts)
            return [one for one in answers if not isinstance(one, Exception)]

        if not self.ahead:
            await journal.submit(studio.ref.schema, before)
            return await send()
        self.used.clear()
        # A process that has seen no batch of others decides ahead.
        for _ in range(2):
            await journal.submit(studio.ref.schema, IDLE)
        answers = await self.behind(studio, journal, send(), before)
        await journal.close()
        return answers

    async def behind(
        self, studio: Studio, journal: Journal, sending: Coroutine[object, object, T], before: Act
    ) -> T:
        """Send a batch while the one before it waits for its commit."""
        self.held.clear()
        self.open.clear()
        self.holds = True
        held = asyncio.create_task(journal.submit(studio.ref.schema, before))
        await self.held.wait()
        sent = asyncio.create_task(sending)
        await asyncio.sleep(0.1)
        self.open.set()
        await held
        return await sent


def watch(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every act be decided ahead, and note whether that was used."""
    follows = Batch.follows

    def noted(batch: Batch, head: Head) -> bool:
        way.used.append(follows(batch, head))
        return way.used[-1]

    monkeypatch.setattr(Batch, "follows", noted)
    monkeypatch.setattr(foresight, "LEAST_ACTS", 1)


def grant(player: str, amount: int, key: str | None = None) -> Act:
    return GrantAct(WHO, key, Grant(player, GEM, amount))


def spend(player: str, amount: int, key: str | None = None) -> Act:
    return SpendAct(WHO, key, Spend(player, GEM, amount), GATES)


async def run(
    studio: Studio, way: Way, *acts: Act, ahead: bool = True, before: Act = IDLE
) -> Sequence[str]:
    """Run the acts as one batch; return what each ended with, `done` or the refusal's code.

    Where that is to happen `ahead`, it must have been so; not where rows can be known only later.
    """
    answers = await way.run(studio, acts, before=before)
    assert len(answers) == len(acts)
    told = ["done" if isinstance(answer, Receipt) else answer.code for answer in answers]
    times = {answer.at for answer in answers if isinstance(answer, Receipt) and not answer.replayed}
    assert len(times) <= 1, "this was not one batch"
    assert way.used == ([True] if way.ahead and ahead else [])
    return told
