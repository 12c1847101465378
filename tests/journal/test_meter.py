"""What an operator reads of the journal is what happened to its batches."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.economy import Economy
from tests.journal.gates import Gate, Note, Refused, Unsaveable, holding_the_lock

from guildbank.infra import database
from guildbank.infra.database import Database
from guildbank.infra.metrics import new_registry
from guildbank.journal import Journal, Meter, Unavailable, writer


class Watched:
    """A journal, its gate, and the page that an operator reads."""

    def __init__(self, db: Database) -> None:
        self.registry = new_registry()
        self.gate = Gate()
        self.gate.open.set()
        self.journal = Journal(db, probe=self.gate, meter=Meter(self.registry))

    def reads(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"guildbank_journal_{name}", labels)
        assert value is not None, name
        return value

    def ends(self) -> dict[str, float]:
        names = ("accepted", "replayed", "refused", "failed")
        return {name: self.reads("operations_total", outcome=name) for name in names}

    def batches(self) -> dict[str, float]:
        names = ("committed", "empty", "failed")
        return {name: self.reads("batches_total", outcome=name) for name in names}


@pytest.fixture
async def watched(economy: Economy) -> AsyncIterator[Watched]:
    watched = Watched(economy.db)
    yield watched
    await watched.journal.close()


async def test_operations_are_counted_by_their_end(economy: Economy, watched: Watched):
    journal, schema = watched.journal, economy.schema
    assert watched.ends() == {"accepted": 0, "replayed": 0, "refused": 0, "failed": 0}
    await journal.submit(schema, Note("app", "once"))
    await journal.submit(schema, Note("app", "once"))
    await journal.submit(schema, Refused("app", "no"))
    assert watched.ends() == {"accepted": 1, "replayed": 1, "refused": 1, "failed": 0}
    assert watched.batches() == {"committed": 1, "empty": 2, "failed": 0}
    await journal.submit_each(schema, [Note("app", f"each-{number}") for number in range(7)])
    assert watched.ends() == {"accepted": 8, "replayed": 1, "refused": 1, "failed": 0}
    assert watched.reads("batch_operations_count") == 4
    assert watched.reads("batch_operations_sum") == 10
    assert watched.reads("batch_operations_bucket", le="5.0") == 3
    assert watched.reads("batch_seconds_count") == 4
    assert 0 < watched.reads("batch_seconds_sum") < 30


async def test_what_stood_together_and_fell_is_one_refusal(economy: Economy, watched: Watched):
    together = [Note("app", "one"), Note("app", "two"), Refused("app", "no")]
    await watched.journal.submit_all(economy.schema, together)
    assert watched.ends() == {"accepted": 0, "replayed": 0, "refused": 1, "failed": 0}


async def test_a_batch_that_one_operation_spoils_is_seen_to_be_cut(
    economy: Economy, watched: Watched
):
    acts = [Note("app", f"good-{number}") for number in range(7)]
    await watched.journal.submit_each(economy.schema, [*acts, Unsaveable("app", "bad")])
    # 8, 4 and 2 are cut until the bad one is alone.
    assert watched.reads("batches_split_total") == 3
    assert watched.ends() == {"accepted": 7, "replayed": 0, "refused": 0, "failed": 1}
    assert watched.batches() == {"committed": 1, "empty": 0, "failed": 0}


async def test_a_tenant_that_does_not_get_its_journal_is_seen_to_try_again(
    economy: Economy, watched: Watched, cluster_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 1)
    monkeypatch.setitem(database._SESSION, "lock_timeout", "100")
    db = Database(cluster_url, pool_size=2)
    stuck = Watched(db)
    async with holding_the_lock(economy.db, economy.schema):
        with pytest.raises(Unavailable):
            await stuck.journal.submit(economy.schema, Note("app", "late"))
    await stuck.journal.close()
    await db.close()
    assert stuck.reads("batches_sent_again_total") >= 1


async def test_what_waits_is_seen_while_it_waits_and_no_longer(economy: Economy, watched: Watched):
    watched.gate.open.clear()
    first = asyncio.create_task(watched.journal.submit(economy.schema, Note("app", "first")))
    await watched.gate.reached.wait()
    first_drawn = asyncio.create_task(watched.journal.submit(economy.schema, Note("app", "a")))
    rest = [
        asyncio.create_task(watched.journal.submit(economy.schema, Note("app", f"rest-{number}")))
        for number in range(4)
    ]
    async with asyncio.timeout(5):
        while not watched.reads("operations_waiting"):  # noqa: ASYNC110 - measured now and then
            await asyncio.sleep(0.05)
        assert watched.reads("operations_waiting") >= 5
        watched.gate.open.set()
        await asyncio.gather(first, first_drawn, *rest)
        while watched.reads("operations_waiting"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
