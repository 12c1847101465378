"""A batch is cut at every point, in every way, and nothing is lost, doubled or left waiting."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.economy import Economy, open_economy
from tests.faults.cuts import ACTIONS, VICTIM, Cut, raise_error
from tests.loads import Ledgered, Op, audit, drive, furnish, make_ops, settle

from guildbank.infra.database import Database
from guildbank.journal import Journal, Outcome, batch, foresight, pen

TITLE = "a batch cut at every point"
OPS = 40
POINTS = (
    "journal_locked",
    "rows_loaded",
    "copied_journal_entry",
    "copied_ledger_transfer",
    "written",
    "before_commit",
    "after_commit",
)


@pytest.fixture(scope="module")
async def economy(cluster_url: str) -> AsyncIterator[Economy]:
    async with open_economy(cluster_url) as made:
        yield made


@pytest.fixture(scope="module")
async def players(economy: Economy) -> list[str]:
    return await furnish(economy)


@pytest.fixture(scope="module")
def all_ops() -> list[Op]:
    """What every case so far has sent to the one tenant: the audit is over its whole life."""
    return []


@pytest.fixture(autouse=True)
def as_large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these small batches be decided ahead and copied, as large ones are."""
    monkeypatch.setattr(foresight, "LEAST_ACTS", 1)
    monkeypatch.setattr(foresight, "WARY_BATCHES", 1)
    monkeypatch.setattr(batch, "STEP", 2)
    monkeypatch.setattr(pen, "COPY_FROM_ROWS", 5)


@pytest.fixture
async def victim(cluster_url: str) -> AsyncIterator[Database]:
    db = Database(cluster_url, pool_size=3, application=VICTIM)
    yield db
    await db.close()


@pytest.mark.parametrize("turn", [1, 3])
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", POINTS)
async def test_a_cut_batch_neither_loses_nor_doubles(
    economy: Economy,
    players: list[str],
    all_ops: list[Op],
    victim: Database,
    tally: Counter[str],
    point: str,
    action: str,
    turn: int,
):
    cut = Cut(economy, point, ACTIONS[action], turn)
    journal = Journal(victim, probe=cut)
    tally["cases: point x action x turn"] += 1
    told = Ledgered()
    ops = make_ops(len(all_ops), players, OPS)
    # Early operations all along, so that the points of row locks are met in several batches.
    ops[::5] = [op._replace(kind="locked") for op in ops[::5]]

    async def submit(op: Op) -> Outcome:
        return await journal.submit(economy.schema, op.act())

    async with asyncio.timeout(30):
        await drive(submit, ops, told)
        missed, cut.point = cut.left > 0, "none"
        acknowledged = len(told.receipts)
        assert acknowledged + len(told.unanswered) == OPS
        assert cut.left <= 0 or turn > 1, "the point is not met at all"
        if missed:
            tally["of these not cut: the load made too few batches"] += 1
        elif action == "backend ended":
            assert not told.unanswered, "a lost connection is no caller's business"
        replayed = await settle(submit, ops, told)
        await journal.close()
    all_ops.extend(ops)
    await audit(economy.db, economy.schema, all_ops, keyless=len(players))
    tally["operations acknowledged"] += acknowledged
    tally["operations unanswered and sent again"] += len(told.unanswered)
    tally["of these committed already"] += replayed - acknowledged


async def test_the_points_are_all_that_a_batch_passes(
    economy: Economy, players: list[str], all_ops: list[Op], victim: Database
):
    cut = Cut(economy, "none", raise_error, 0)
    journal = Journal(victim, probe=cut)
    ops = make_ops(99_999, players, OPS)
    async with asyncio.timeout(30):
        await asyncio.gather(*(journal.submit(economy.schema, op.act()) for op in ops))
        await journal.close()
    all_ops.extend(ops)
    assert cut.met == set(POINTS)
