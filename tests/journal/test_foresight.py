"""A batch decided ahead of its lock is used only where it is what would be decided under it."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from tests.economy import GEM, Economy
from tests.loads import Ledgered, Op, audit, furnish, make_ops, settle

from guildbank.infra.crypto import MasterKey, Vault
from guildbank.infra.database import Database
from guildbank.infra.metrics import new_registry
from guildbank.journal import Act, Journal, Meter, Outcome, Receipt, foresight
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Head
from guildbank.journal.deciding import Group
from guildbank.journal.usecases.freeze import TenantJournal
from guildbank.kernel import Refusal
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import Grant, Spend
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.spend import SpendAct


def spend(player: str, amount: int, key: str) -> Act:
    return SpendAct("app", key, Spend(player, GEM, amount), (SpendLimit(),))


def grant(player: str, amount: int, key: str) -> Act:
    return GrantAct("app", key, Grant(player, GEM, amount))


class Gate:
    """A probe at which one batch waits just before it commits, and may fail."""

    def __init__(self) -> None:
        self.closed = False
        self.error: Exception | None = None

    def close(self) -> None:
        """Let the next batch wait."""
        self.closed = True
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, point: str) -> None:
        if point == "before_commit" and self.closed:
            self.closed = False
            self.reached.set()
            await self.open.wait()
            if self.error is not None:
                raise self.error


class Scene(NamedTuple):
    """A player with 9 coins: a batch that spends one of ten waits before its commit.

    Behind it waits one that spends all nine.
    """

    journal: Journal
    gate: Gate
    registry: CollectorRegistry
    player: str
    first: "asyncio.Task[Outcome]"
    second: "asyncio.Task[Outcome]"
    third: "asyncio.Task[Outcome] | None"

    def ahead(self) -> tuple[float | None, float | None]:
        """Return how many batches an operator reads were used, and how many dropped."""
        name = "guildbank_journal_batches_ahead_total"
        read = self.registry.get_sample_value
        return read(name, {"outcome": "used"}), read(name, {"outcome": "dropped"})


async def set_scene(economy: Economy, *, third: int | None = None) -> Scene:
    """Set the scene; a `third` act beside the second is to spend so much."""
    (player,) = await furnish(economy, players=1)
    have = await balance(economy, player)
    gate = Gate()
    registry = new_registry()
    journal = Journal(economy.db, probe=gate, writers=1, meter=Meter(registry))
    for at, amount in enumerate((1, 1, have - 12)):
        spent = await journal.submit(economy.schema, spend(player, amount, f"so far {at}"))
        assert isinstance(spent, Receipt)
    gate.close()
    first = asyncio.create_task(journal.submit(economy.schema, spend(player, 1, "first")))
    await gate.reached.wait()
    second = asyncio.create_task(journal.submit(economy.schema, spend(player, 9, "second")))
    beside = None
    if third is not None:
        act = spend(player, third, "third")
        beside = asyncio.create_task(journal.submit(economy.schema, act))
    await asyncio.sleep(0.1)
    return Scene(journal, gate, registry, player, first, second, beside)


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


async def between(scene: Scene, deed: Awaitable[object]) -> None:
    """Let the first batch commit, and do the deed before the second begins."""
    waiting = asyncio.create_task(scene.journal._slots.acquire())
    await asyncio.sleep(0)
    scene.gate.open.set()
    assert isinstance(await scene.first, Receipt)
    await waiting
    await deed
    scene.journal._slots.release()


async def spend_behind(
    economy: Economy, cluster_url: str, *, rival_spends: int
) -> tuple[Outcome | BaseException, Scene]:
    """Play the scene; between the two batches a rival spends some. Returns what the second met."""
    scene = await set_scene(economy)
    other = Database(cluster_url, pool_size=2)

    async def rival() -> None:
        if rival_spends:
            act = spend(scene.player, rival_spends, "rival")
            assert isinstance(await Journal(other).submit(economy.schema, act), Receipt)

    await between(scene, rival())
    (outcome,) = await asyncio.gather(scene.second, return_exceptions=True)
    await scene.journal.close()
    await other.close()
    return outcome, scene


async def test_a_batch_decided_ahead_goes_on_from_the_one_before_it(
    economy: Economy, cluster_url: str, used: list[bool]
):
    outcome, scene = await spend_behind(economy, cluster_url, rival_spends=0)
    assert isinstance(outcome, Receipt)
    assert used == [True]
    assert scene.ahead() == (1, 0)
    assert await balance(economy, scene.player) == 0


async def test_a_batch_decided_ahead_is_dropped_when_another_process_came_between(
    economy: Economy, cluster_url: str, used: list[bool]
):
    outcome, scene = await spend_behind(economy, cluster_url, rival_spends=5)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "insufficient_funds"
    assert used == [False]
    assert scene.ahead() == (0, 1)
    assert await balance(economy, scene.player) == 4


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


async def test_a_batch_decided_behind_one_that_was_lost_is_decided_anew(
    economy: Economy, used: list[bool]
):
    scene = await set_scene(economy)
    scene.gate.error = ConnectionResetError("cut by the test")
    scene.gate.open.set()
    assert isinstance(await scene.first, Receipt)
    assert isinstance(await scene.second, Receipt)
    await scene.journal.close()
    assert not used
    assert await balance(economy, scene.player) == 0


async def test_a_batch_decided_ahead_of_a_suspension_is_refused(economy: Economy, used: list[bool]):
    scene = await set_scene(economy)

    async def suspend() -> None:
        async with economy.db.begin(economy.schema) as tx:
            await TenantJournal(Vault(MasterKey(bytes(32)))).set_writable(
                tx, writable=False, principal="operator"
            )

    await between(scene, suspend())
    refused = await scene.second
    await scene.journal.close()
    assert isinstance(refused, Refusal)
    assert refused.code == "tenant_suspended"
    assert used == [False]
    assert await balance(economy, scene.player) == 9


async def test_a_caller_who_goes_away_before_the_draw_was_decided_in_vain(
    economy: Economy, used: list[bool]
):
    scene = await set_scene(economy)
    scene.second.cancel()
    scene.gate.open.set()
    assert isinstance(await scene.first, Receipt)
    third = await scene.journal.submit(economy.schema, spend(scene.player, 4, "third"))
    await scene.journal.close()
    assert isinstance(third, Receipt)
    assert not used
    assert scene.ahead() == (0, 1)
    assert await balance(economy, scene.player) == 5


async def test_who_comes_after_a_pause_is_decided_at_their_own_time(economy: Economy):
    scene = await set_scene(economy)
    # Behind the second it is looked who would be in the batch after the next: nobody.
    more = asyncio.create_task(scene.journal.submit(economy.schema, grant(scene.player, 1, "more")))
    await asyncio.sleep(0.1)
    scene.gate.open.set()
    await asyncio.gather(scene.first, scene.second, more)
    ((before,),) = await economy.sql("SELECT clock_timestamp()")
    late = await scene.journal.submit(economy.schema, grant(scene.player, 4, "late"))
    await scene.journal.close()
    assert isinstance(late, Receipt)
    assert late.at >= before


async def test_a_batch_that_was_dropped_answers_nobody_afterwards(
    economy: Economy, used: list[bool], monkeypatch: pytest.MonkeyPatch
):
    answer = Batch.answer_ahead
    go = asyncio.Event()
    answered = asyncio.Event()

    async def late(batch: Batch, groups: Sequence[Group]) -> None:
        await go.wait()
        await answer(batch, groups)
        answered.set()

    monkeypatch.setattr(Batch, "answer_ahead", late)
    # Ahead of the lock all coins are spent by one who goes away, and none are left for the third.
    scene = await set_scene(economy, third=9)
    assert scene.third is not None
    scene.second.cancel()
    await asyncio.sleep(0)
    scene.gate.open.set()
    scene.gate.close()
    assert isinstance(await scene.first, Receipt)
    await scene.gate.reached.wait()
    go.set()
    await answered.wait()
    scene.gate.open.set()
    assert isinstance(await scene.third, Receipt)
    await scene.journal.close()
    assert not used
    assert await balance(economy, scene.player) == 0


async def send(journal: Journal, economy: Economy, ops: Sequence[Op], told: Ledgered) -> None:
    """Let three callers send the operations, ten a call: one is written, two wait."""
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

    await asyncio.gather(*(caller() for _ in range(3)))


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


async def test_rows_that_lack_what_the_batch_before_the_last_has_changed_are_not_used(
    economy: Economy, used: list[bool], monkeypatch: pytest.MonkeyPatch
):
    """The broken rule: only the changes of the batch that is being written are taken over."""
    stand = Batch.stand_behind
    monkeypatch.setattr(Batch, "stand_behind", lambda self, behind: stand(self, behind[-1:]))
    players = await furnish(economy)
    ops: list[Op] = []
    journal, told = Journal(economy.db), Ledgered()
    for seed in range(20):
        more = [op._replace(kind="grant") for op in make_ops(seed, players, 300)]
        await send(journal, economy, more, told)
        ops += more
        if False in used:
            break
    await journal.close()
    assert False in used, "no batch stood behind two"
    assert len(told.receipts) == len(ops)
    await audit(economy.db, economy.schema, ops, keyless=len(players))
