"""Rows read ahead of the lock are used only where they are what a read under it would find."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from tests.economy import GEM, Economy
from tests.loads import Ledgered, Op, audit, furnish, make_ops, settle

from guildbank.infra.database import Database
from guildbank.journal import Act, Journal, Outcome, Receipt, store
from guildbank.journal.batch import Batch
from guildbank.journal.foresight import Ahead
from guildbank.journal.stage import Stage
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


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each batch took that were read ahead."""
    taken: list[int] = []
    foresee = Stage.foresee

    def counted(stage: Stage, rows, newer):
        taken.append(sum(map(len, rows.values())))
        foresee(stage, rows, newer)

    monkeypatch.setattr(Stage, "foresee", counted)
    return taken


async def balance(economy: Economy, player: str) -> int:
    statement = "SELECT credited - spent FROM ledger_account WHERE owner = $1"
    return int((await economy.sql(statement, player))[0][0])


async def spend_behind(
    economy: Economy, cluster_url: str, *, rival_spends: int
) -> tuple[Outcome | BaseException, str]:
    """Spend 9 of 10 coins in a batch that was read ahead; return the outcome and the player.

    While it is read, the batch before it spends 1, and between the two a rival spends some.
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

    stations.close("rows_loaded")
    stations.close("before_commit")
    first = asyncio.create_task(journal.submit(economy.schema, spend(player, 1, "d")))
    await stations.reached["rows_loaded"].wait()
    second = asyncio.create_task(journal.submit(economy.schema, spend(player, 9, "e")))
    await asyncio.sleep(0)
    stations.open["rows_loaded"].set()
    await stations.reached["before_commit"].wait()
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


async def test_rows_read_ahead_follow_the_batch_that_was_committed_meanwhile(
    economy: Economy, cluster_url: str, seen: list[int]
):
    outcome, player = await spend_behind(economy, cluster_url, rival_spends=0)
    assert isinstance(outcome, Receipt)
    assert seen, "nothing was read ahead"
    assert await balance(economy, player) == 0


async def test_rows_read_ahead_are_dropped_when_another_process_came_between(
    economy: Economy, cluster_url: str, seen: list[int]
):
    outcome, player = await spend_behind(economy, cluster_url, rival_spends=5)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "insufficient_funds"
    assert not seen
    assert await balance(economy, player) == 4


async def test_rows_that_are_believed_all_the_same_are_stopped_by_the_unique_offsets(
    economy: Economy, cluster_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The broken rule: whatever was read ahead is taken for true."""

    async def believe(batch: Batch, ahead: Ahead) -> None:
        (head,) = await batch._fetch([store.head_reading()], 1)
        batch._begin(head)
        batch._stage.foresee(ahead.rows, ahead.past.stage if ahead.past else None)

    monkeypatch.setattr(Batch, "_foresee", believe)
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
    economy: Economy, cluster_url: str, seen: list[int]
):
    players = await furnish(economy)
    other = Database(cluster_url, pool_size=3)
    first, rival = Journal(economy.db), Journal(other)
    ops = [op._replace(kind="grant") if op.kind == "locked" else op
           for op in make_ops(0, players, 600)]  # fmt: skip
    told = Ledgered()
    await send(first, economy, ops[:200], told)
    assert seen, "nothing was read ahead"
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
