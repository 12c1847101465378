"""A batch decided ahead of its lock is used only where it is what would be decided under it."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from tests.economy import GEM, Economy
from tests.loads import Ledgered, Op, audit, furnish, make_ops, settle

from guildbank.infra.database import Database
from guildbank.journal import Act, Journal, Outcome, Receipt, foresight
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Head
from guildbank.kernel import Refusal
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases.spend import SpendAct


def spend(player: str, amount: int, key: str) -> Act:
    return SpendAct("app", key, Spend(player, GEM, amount), (SpendLimit(),))


class Stations:
    """A probe at which a batch waits: at each point of `open` until its event is set."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = {}

    def close(self, point: str) -> None:
        self.open[point], self.reached[point] = asyncio.Event(), asyncio.Event()

    async def __call__(self, point: str) -> None:
        if point in self.open:
            self.reached[point].set()
            await self.open[point].wait()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even one act be decided ahead."""
    monkeypatch.setattr(foresight, "LEAST_ACTS", 1)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each batch that was decided ahead was used under its lock."""
    told: list[bool] = []
    follows = Batch.follows

    def noted(batch: Batch, head: Head) -> bool:
        told.append(follows(batch, head))
        return told[-1]

    monkeypatch.setattr(Batch, "follows", noted)
    return told


async def balance(economy: Economy, player: str) -> int:
    statement = "SELECT credited - spent FROM ledger_account WHERE owner = $1"
    return int((await economy.sql(statement, player))[0][0])


async def spend_behind(
    economy: Economy, cluster_url: str, *, rival_spends: int
) -> tuple[Outcome | BaseException, str]:
    """Spend 9 of 10 coins in a batch decided ahead; return the outcome and the player.

    Behind a batch that spends 1; and before its lock is granted a rival spends some.
    """
    (player,) = await furnish(economy, players=1)
    have = await balance(economy, player)
    stations = Stations()
    journal = Journal(economy.db, probe=stations)
    other = Database(cluster_url, pool_size=2)
    for key in ("a", "b"):
        spent = await journal.submit(economy.schema, spend(player, 1, key))
        assert isinstance(spent, Receipt)
    to_ten = spend(player, have - 2 - 10, "c")
    assert isinstance(await journal.submit(economy.schema, to_ten), Receipt)

    stations.close("before_commit")
    first = asyncio.create_task(journal.submit(economy.schema, spend(player, 1, "d")))
    await stations.reached["before_commit"].wait()
    second = asyncio.create_task(journal.submit(economy.schema, spend(player, 9, "e")))
    await asyncio.sleep(0.1)
    rival = None
    if rival_spends:
        act = spend(player, rival_spends, "f")
        rival = asyncio.create_task(Journal(other).submit(economy.schema, act))
        await asyncio.sleep(0.1)
    stations.open["before_commit"].set()
    assert isinstance(await first, Receipt)
    (outcome,) = await asyncio.gather(second, return_exceptions=True)
    if rival is not None:
        assert isinstance(await rival, Receipt)
    await journal.close()
    await other.close()
    return outcome, player


async def test_a_batch_decided_ahead_goes_on_from_the_one_before_it(
    economy: Economy, cluster_url: str, used: list[bool]
):
    outcome, player = await spend_behind(economy, cluster_url, rival_spends=0)
    assert isinstance(outcome, Receipt)
    assert used == [True]
    assert await balance(economy, player) == 0


async def test_a_batch_decided_ahead_is_dropped_when_another_process_came_between(
    economy: Economy, cluster_url: str, used: list[bool]
):
    outcome, player = await spend_behind(economy, cluster_url, rival_spends=5)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "insufficient_funds"
    assert used == [False]
    assert await balance(economy, player) == 4


async def test_a_batch_that_is_believed_all_the_same_is_stopped_by_the_database(
    economy: Economy, cluster_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The broken rule: whatever was decided ahead is taken for true."""

    def believe(batch: Batch, head: Head) -> bool:
        batch._head = head
        return True

    monkeypatch.setattr(Batch, "follows", believe)
    outcome, _ = await spend_behind(economy, cluster_url, rival_spends=5)
    assert isinstance(outcome, asyncpg.UniqueViolationError)


async def send(journal: Journal, economy: Economy, ops: Sequence[Op], told: Ledgered) -> None:
    """Let two callers send the operations, ten a call: while one is written the other waits."""
    calls = [ops[at : at + 10] for at in range(0, len(ops), 10)]

    async def caller() -> None:
        while calls:
            some = calls.pop()
            acts = [op.act() for op in some]
            answers = await journal.submit_each(economy.schema, acts)
            for op, answer in zip(some, answers, strict=True):
                assert isinstance(answer, Receipt), answer
                assert op.key is not None
                told.receipts[op.key] = answer

    await asyncio.gather(caller(), caller())


async def test_under_a_load_with_a_rival_nothing_is_lost_or_doubled(
    economy: Economy, cluster_url: str, used: list[bool]
):
    players = await furnish(economy)
    other = Database(cluster_url, pool_size=3)
    first, rival = Journal(economy.db), Journal(other)
    ops = [op._replace(kind="grant") if op.kind == "locked" else op
           for op in make_ops(0, players, 600)]  # fmt: skip
    told = Ledgered()
    await send(first, economy, ops[:200], told)
    assert any(used), "nothing was decided ahead"
    await asyncio.gather(
        send(first, economy, ops[200:400], told), send(rival, economy, ops[400:500], told)
    )
    for at in range(500, 600, 20):
        await send(rival if at % 40 else first, economy, ops[at : at + 20], told)

    async def submit(op: Op) -> Outcome:
        return await rival.submit(economy.schema, op.act())

    assert await settle(submit, ops, told) == len(ops)
    for journal in (first, rival):
        await journal.close()
    await other.close()
    await audit(economy.db, economy.schema, ops, keyless=len(players))
