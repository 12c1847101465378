"""Several workers write one tenant: one that hangs stops nobody, one key is one effect."""

import asyncio
import signal

import pytest
from tests.crew import WorkerDied, hire
from tests.economy import Economy
from tests.journal.gates import Note
from tests.loads import Ledgered, Op, audit, drive, furnish, make_ops, settle

from guildbank.infra.database import Database
from guildbank.journal import Journal, Outcome, Receipt, Unavailable, store, writer

POINTS = ("journal_locked", "written", "before_commit")


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_hangs_does_not_stop_the_tenant_and_ends_once(
    economy: Economy, cluster_url: str, point: str, monkeypatch: pytest.MonkeyPatch
):
    # Less than what the database's own limits would need without the one that matters here.
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 6)
    players = await furnish(economy)
    stuck, others = make_ops(1, players, 10), make_ops(2, players, 10)
    told = Ledgered()
    async with hire(cluster_url, economy.schema, stop_at=point) as worker:
        hanging = asyncio.create_task(drive(worker.submit, stuck, told))
        await worker.stopped()
        answers = await asyncio.gather(
            *(economy.journal.submit(economy.schema, op.act()) for op in others)
        )
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert not hanging.done()
        worker.signal(signal.SIGCONT)
        async with asyncio.timeout(10):
            await hanging
        assert not told.unanswered
        await settle(worker.submit, stuck, told)
    await audit(economy.db, economy.schema, [*stuck, *others], keyless=len(players))


async def test_without_the_idle_limit_a_worker_that_hangs_stops_the_tenant(
    economy: Economy, cluster_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 6)
    async with hire(
        cluster_url, economy.schema, stop_at="journal_locked", unlimited_idle=True
    ) as worker:
        (player,) = await furnish(economy, players=1)
        hanging = asyncio.create_task(worker.submit(Op("grant", player, 1, "stuck")))
        await worker.stopped()
        with pytest.raises(Unavailable):
            await economy.journal.submit(economy.schema, Note("app"))
        await worker.kill()
        with pytest.raises(WorkerDied):
            await hanging


async def test_one_key_raced_from_two_processes_is_one_effect(economy: Economy, cluster_url: str):
    players = await furnish(economy)
    ops = make_ops(3, players, 60)

    async def here(op: Op) -> Outcome:
        return await economy.journal.submit(economy.schema, op.act())

    async with hire(cluster_url, economy.schema) as worker:
        mine, theirs = Ledgered(), Ledgered()
        await asyncio.gather(drive(here, ops, mine), drive(worker.submit, ops, theirs))
    assert not mine.unanswered
    assert not theirs.unanswered
    for key, receipt in mine.receipts.items():
        other = theirs.receipts[key]
        assert (receipt.seq, receipt.at, receipt.data) == (other.seq, other.at, other.data)
        assert receipt.replayed != other.replayed, "one of the two did it"
    await audit(economy.db, economy.schema, ops, keyless=len(players))


async def test_one_key_raced_with_two_commands_is_one_of_them(economy: Economy, cluster_url: str):
    (player,) = await furnish(economy, players=1)
    other = Database(cluster_url, pool_size=2)
    rival = Journal(other)
    small, large = Op("grant", player, 1, "same"), Op("grant", player, 2, "same")
    answers = await asyncio.gather(
        economy.journal.submit(economy.schema, small.act()),
        rival.submit(economy.schema, large.act()),
    )
    await other.close()
    (done,) = [n for n, answer in enumerate(answers) if isinstance(answer, Receipt)]
    assert getattr(answers[1 - done], "code", None) == "key_reused"
    await audit(economy.db, economy.schema, [(small, large)[done]], keyless=1)


async def times(economy: Economy, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the times of two entries; the machine's clock goes back an hour between them."""
    first = await economy.journal.submit(economy.schema, Note("app"))
    slow = store.READ_HEAD.replace("clock_timestamp()", "clock_timestamp() - interval '1 hour'")
    assert slow != store.READ_HEAD
    monkeypatch.setattr(store, "READ_HEAD", slow)
    second = await economy.journal.submit(economy.schema, Note("app"))
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    return [first.at, second.at]


async def test_time_never_goes_back_in_a_journal(economy: Economy, monkeypatch: pytest.MonkeyPatch):
    first, second = await times(economy, monkeypatch)
    assert first == second


async def test_a_journal_that_believed_the_clock_would_go_back(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "max", lambda now, _head: now, raising=False)
    first, second = await times(economy, monkeypatch)
    assert first > second  # type: ignore[operator]
