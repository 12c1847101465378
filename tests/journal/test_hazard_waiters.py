"""A batch belongs to no caller: who goes away, fails or floods harms no one else."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
from tests.economy import Economy, open_economy
from tests.journal.gates import (
    Defect,
    Gate,
    Note,
    Refused,
    Unencodable,
    Unsaveable,
    holding_the_lock,
    noted,
)

from guildbank.infra.batching import Batcher, Ticket
from guildbank.infra.database import Database
from guildbank.journal import Act, Journal, Receipt, Unavailable, writer
from guildbank.kernel import Refusal


def send(journal: Journal, economy: Economy, act: Act) -> "asyncio.Task[Receipt | Refusal]":
    return asyncio.create_task(journal.submit(economy.schema, act))


# Callers that are cancelled.


async def cancel_one_in_flight(economy: Economy) -> list[object]:
    """Three operations are drawn and the first caller goes away; return what the others hear."""
    gate = Gate("rows_loaded")
    journal = Journal(economy.db, probe=gate)
    tasks = [send(journal, economy, Note("app", key)) for key in ("a", "b", "c")]
    await gate.reached.wait()
    tasks[0].cancel()
    await asyncio.sleep(0.05)
    gate.open.set()
    return list(await asyncio.gather(*tasks[1:], return_exceptions=True))


async def test_a_caller_who_goes_away_in_flight_hurts_nobody_and_is_done_once(economy: Economy):
    assert all(isinstance(one, Receipt) for one in await cancel_one_in_flight(economy))
    assert await noted(economy) == 3
    again = await economy.journal.submit(economy.schema, Note("app", "a"))
    assert isinstance(again, Receipt)
    assert again.replayed
    assert await noted(economy) == 3


class TiedToItsCallers(Batcher):
    """The broken rule: the batch is cancelled with a caller."""

    async def submit(self, *args, **options):
        try:
            return await super().submit(*args, **options)
        except asyncio.CancelledError:
            assert self._task is not None
            self._task.cancel()
            raise


async def test_a_batch_tied_to_its_callers_fails_those_who_stayed(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "Batcher", TiedToItsCallers)
    assert all(isinstance(one, Unavailable) for one in await cancel_one_in_flight(economy))
    assert await noted(economy) == 0


async def test_a_caller_who_goes_away_in_the_queue_is_skipped(economy: Economy):
    gate = Gate("rows_loaded")
    journal = Journal(economy.db, probe=gate)
    first = send(journal, economy, Note("app", "a"))
    await gate.reached.wait()
    second, third = (send(journal, economy, Note("app", key)) for key in ("b", "c"))
    await asyncio.sleep(0)
    second.cancel()
    gate.open.set()
    await asyncio.gather(first, third)
    assert await noted(economy) == 2


async def test_a_cancelled_batch_answers_its_callers_and_the_next_one_runs(economy: Economy):
    gate = Gate("rows_loaded")
    journal = Journal(economy.db, probe=gate)
    drawn = send(journal, economy, Note("app", "a"))
    await gate.reached.wait()
    queued = send(journal, economy, Note("app", "b"))
    await asyncio.sleep(0)
    task = journal._batchers[economy.schema]._task
    assert task is not None
    task.cancel()
    async with asyncio.timeout(2):
        with pytest.raises(Unavailable, match="may have happened"):
            await drawn
        with pytest.raises(Unavailable, match="Nothing was begun"):
            await queued
        gate.open.set()
        assert isinstance(await journal.submit(economy.schema, Note("app", "b")), Receipt)


# Acts that fail.


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Defect, ZeroDivisionError),
        (Unsaveable, asyncpg.UniqueViolationError),
        (Unencodable, asyncpg.DataError),
    ],
)
@pytest.mark.parametrize("bulk", [False, True])
async def test_one_bad_act_fails_alone(
    economy: Economy, bad: type[Note], error: type[Exception], bulk: bool
):
    acts = [Note("app", f"good-{number}") for number in range(20)]
    acts[7] = bad("app", "bad")
    async with asyncio.timeout(writer.PATIENCE_SECONDS / 2):
        answers: list[object]
        if bulk:
            answers = list(await economy.journal.submit_each(economy.schema, acts))
        else:
            tasks = [send(economy.journal, economy, act) for act in acts]
            answers = list(await asyncio.gather(*tasks, return_exceptions=True))
    assert isinstance(answers.pop(7), error)
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert await noted(economy) == 19


async def test_without_the_split_one_bad_act_fails_all(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    async def settle(self, groups, draw, give_up):
        try:
            await self._until_committed(groups, draw, give_up)
        except Exception as error:
            writer._fail(groups(), error)

    monkeypatch.setattr(writer._TenantRunner, "_settle", settle)
    acts = [Note("app", "good"), Unsaveable("app", "bad")]
    tasks = [send(economy.journal, economy, act) for act in acts]
    for answer in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(answer, asyncpg.UniqueViolationError)
    assert await noted(economy) == 0


@pytest.mark.parametrize("bad", [Refused, Defect, Unsaveable])
async def test_acts_that_stand_together_fall_together(economy: Economy, bad: type[Note]):
    together = [Note("app", "one"), Note("app", "two"), bad("app", "bad"), Note("app", "three")]
    beside = send(economy.journal, economy, Note("app", "beside"))
    if bad is Refused:
        answers = await economy.journal.submit_all(economy.schema, together)
        assert isinstance(answers[-1], Refusal)
    else:
        with pytest.raises((ZeroDivisionError, asyncpg.UniqueViolationError)):
            await economy.journal.submit_all(economy.schema, together)
    assert isinstance(await beside, Receipt)
    assert await noted(economy) == 1
    # The keys of what did not happen are free.
    again = await economy.journal.submit_all(economy.schema, [Note("app", "one")])
    assert isinstance(again[0], Receipt)
    assert not again[0].replayed


async def test_acts_that_stand_together_are_one_commit_with_consecutive_entries(economy: Economy):
    acts = [Note("app", f"{number}") for number in range(50)]
    answers = await economy.journal.submit_all(economy.schema, acts)
    seqs = [one.seq for one in answers if isinstance(one, Receipt)]
    assert seqs == list(range(1, 51))
    assert len(await economy.sql("SELECT 1 FROM journal_batch WHERE last_seq > 0")) == 1


async def test_a_ping_that_fails_after_the_commit_does_not_send_the_batch_again(
    cluster_url: str,
):
    def fail(_schema: str) -> None:
        raise RuntimeError("the listener is gone")

    async with open_economy(cluster_url, fail) as economy:
        tasks = [send(economy.journal, economy, Note("app")) for _ in range(2)]
        assert [one.seq for one in await asyncio.gather(*tasks) if isinstance(one, Receipt)]
        assert await noted(economy) == 2


# Limits.


async def test_a_full_queue_refuses_at_once_and_keeps_what_it_took(economy: Economy):
    gate = Gate()
    journal = Journal(economy.db, probe=gate, max_queue=5)
    drawn = send(journal, economy, Note("app"))
    await gate.reached.wait()
    await asyncio.sleep(0)
    queued = [send(journal, economy, Note("app")) for _ in range(8)]
    await asyncio.sleep(0)
    # The gate is before the draw, so the first operation is in the queue as well.
    refused = [task for task in queued if task.done()]
    assert len(refused) == 4
    for task in refused:
        with pytest.raises(Unavailable, match="Too many operations"):
            await task
    gate.open.set()
    await asyncio.gather(drawn, *(task for task in queued if task not in refused))
    assert await noted(economy) == 5


async def test_past_the_deadline_nothing_was_begun_and_nothing_happens_later(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    async with holding_the_lock(economy.db, economy.schema):
        with pytest.raises(Unavailable, match="Nothing was begun"):
            await economy.journal.submit(economy.schema, Note("app", "late"))
    monkeypatch.undo()
    assert isinstance(await economy.journal.submit(economy.schema, Note("app", "other")), Receipt)
    assert await noted(economy) == 1


async def test_draining_finishes_what_is_queued_and_takes_no_more(economy: Economy):
    journal = Journal(economy.db)
    queued = [send(journal, economy, Note("app")) for _ in range(700)]
    await asyncio.sleep(0)
    await journal.close()
    assert all(isinstance(task.result(), Receipt) for task in queued)
    with pytest.raises(Unavailable, match="shutting down"):
        await journal.submit(economy.schema, Note("app"))


async def test_draining_ends_although_the_database_is_away(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.5)
    away = Database("postgresql://nobody:x@/nothing?host=/nowhere")
    journal = Journal(away)
    queued = [send(journal, economy, Note("app")) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await journal.close()
        for task in queued:
            with pytest.raises(Unavailable):
                await task
    await away.close()


# Fairness.


async def test_a_flooded_tenant_does_not_starve_another(cluster_url: str, economy: Economy):
    order: list[str] = []
    async with open_economy(cluster_url) as other:
        journal = Journal(economy.db, writers=1, committed=order.append)
        flood = [send(journal, economy, Note("app")) for _ in range(2_000)]
        await asyncio.sleep(0)
        await asyncio.gather(send(journal, other, Note("app")), *flood)
        assert order.index(other.schema) <= 1
        assert order.count(economy.schema) == 4


class Recorder:
    """Runs batches by noting what was drawn."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(
        self,
        early: list[Ticket[str, None]],
        draw: Callable[[], list[Ticket[str, None]]],
    ) -> None:
        await asyncio.sleep(0)
        drawn = [*early, *draw()]
        self.batches.append([ticket.item for ticket in drawn])
        for ticket in drawn:
            ticket.resolve(None)


async def test_bulk_chunks_and_interactive_operations_take_turns():
    recorder = Recorder()
    batcher = Batcher(recorder, asyncio.Semaphore(1), max_batch=2)
    await asyncio.gather(
        *(batcher.submit("bulk", weight=200, bulk=True) for _ in range(3)),
        *(batcher.submit("one") for _ in range(12)),
    )
    assert [batch.count("bulk") for batch in recorder.batches] == [0, 1, 0, 1, 0, 1]
    assert all(batch.count("one") == 2 for batch in recorder.batches)


async def test_bulk_chunks_are_small_while_single_operations_come(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    commits: list[str] = []
    journal = Journal(economy.db, committed=commits.append)
    acts = [Note("app") for _ in range(130)]

    async def batches() -> int:
        commits.clear()
        await journal.submit_each(economy.schema, acts)
        return len(commits)

    assert await batches() == 1
    await journal.submit(economy.schema, Note("app"))
    assert await batches() == 3
    monkeypatch.setattr(writer, "_SHARED_SECONDS", 0)
    assert await batches() == 1


class Foreteller(Recorder):
    """Notes also what the queue says is to be drawn, now and one draw later."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[list[str]]] = []
        self.batcher: Batcher[str, None] | None = None

    async def __call__(
        self,
        early: list[Ticket[str, None]],
        draw: Callable[[], list[Ticket[str, None]]],
    ) -> None:
        assert self.batcher is not None
        self.told.append([self.batcher.waiting_items(turn) for turn in (0, 1)])
        await super().__call__(early, draw)


async def test_the_queue_tells_what_its_next_two_draws_will_be():
    foreteller = Foreteller()
    batcher = Batcher(foreteller, asyncio.Semaphore(1), max_batch=3)
    foreteller.batcher = batcher
    await asyncio.gather(
        *(batcher.submit(f"bulk {at}", weight=200, bulk=True) for at in range(4)),
        *(batcher.submit(f"one {at}", weight=1 + at % 2) for at in range(7)),
    )
    drawn = [*foreteller.batches, [], []]
    for at, told in enumerate(foreteller.told):
        assert told == drawn[at : at + 2]
    assert len(foreteller.batches) > 4
