"""The journal from Python, batch by batch, against COPY of its rows and against row locks."""

import asyncio
import random
from collections.abc import Sequence
from itertools import count
from statistics import median
from time import perf_counter

from bench.copying import copy_batches, make_ceiling, read_batches
from bench.rowlocks import WRITERS, make_peer, spend_by_rows
from bench.sheet import Figure, Sheet
from bench.singly import Singly
from bench.town import GEM, WHO, Town, accepted
from guildbank.app.memory import settle
from guildbank.journal import Act, Journal
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases.spend import SpendAct

BATCHES = {1: 200, 20: 100, 100: 60, 200: 40, 1_000: 12, 8_000: 4}
"""Operations in a commit, and the commits in each measured round."""
ROUNDS = 9
CALLERS = 3
HOT_BATCH = 1_000
_keys = count(1)


async def measure(town: Town, sheet: Sheet) -> None:
    """Measure each size of batch, journal and ceiling in turn, then the row-lock peer."""
    await make_ceiling(town)
    await make_peer(town)
    settle()
    rng = random.Random(1)
    figures: dict[str, Figure] = {}
    rows = []
    for size, commits in BATCHES.items():
        ours, ceiling = await _one_size(town, size, commits, rng)
        ratio = _times(ours, ceiling)
        figures[f"journal.ops_per_second.{size}"] = median(ours)
        figures[f"journal.copy_ops_per_second.{size}"] = median(ceiling)
        figures[f"journal.copy_ratio.{size}"] = ratio
        rows.append(
            [f"{size:,}", f"{median(ours):,.0f}", f"{median(ceiling):,.0f}", f"{ratio:.2f}"]
        )
    sheet.keep(figures)
    sheet.show(
        "Journal: operations a second by operations in a commit",
        ["in a commit", "journal", "COPY of the same rows", "ratio"],
        rows,
    )
    await _against_row_locks(town, sheet, rng)


async def _one_size(
    town: Town, size: int, commits: int, rng: random.Random
) -> tuple[list[float], list[float]]:
    """Return operations a second of journal and ceiling, a pair for each round."""
    journal = Journal(town.services.db, bulk_chunk=size, max_queue=CALLERS * size)
    await _warm(town, rng)
    ours, ceiling = [], []
    for number in range(ROUNDS + 1):
        after = await _head(town)
        seconds = await _spend(town, journal, size, commits, rng)
        batches = await read_batches(town, after)
        if [len(batch.rows[0]) for batch in batches] != [size] * commits:
            raise RuntimeError("the batches have another size than the one that is measured")
        copied = await copy_batches(town, batches)
        if number > 0:
            ours.append(size * commits / seconds)
            ceiling.append(size * commits / copied)
    await journal.close()
    return ours, ceiling


async def _warm(town: Town, rng: random.Random) -> None:
    """Begin after a checkpoint, with the accounts' pages written whole to the log once."""
    await town.checkpoint()
    journal = Journal(town.services.db, bulk_chunk=1_000)
    after = await _head(town)
    await accepted(journal, town.schema, await _acts(town, _commands(town, 8_000, rng)))
    await journal.close()
    await copy_batches(town, await read_batches(town, after))


async def _spend(
    town: Town, journal: Journal, size: int, commits: int, rng: random.Random
) -> float:
    """Let CALLERS keep the queue filled with acts of `size`; return the seconds.

    What is to be done is ready before, as the rows of the ceiling are.
    """
    calls = iter([_commands(town, size, rng) for _ in range(commits)])

    async def caller() -> None:
        for commands in calls:
            await accepted(journal, town.schema, await _acts(town, commands))

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return perf_counter() - began


def _commands(town: Town, size: int, rng: random.Random) -> list[tuple[str, Spend]]:
    """Return spends of players drawn at random, each with its key."""
    players = rng.choices(town.players, k=size)
    return [(f"bench-{next(_keys)}", Spend(player, GEM, 5)) for player in players]


async def _acts(town: Town, commands: Sequence[tuple[str, Spend]]) -> list[Act]:
    """Make the acts as a server does: a few at a time, between the turns of its batches."""
    gates = town.services.wallets.gates
    acts: list[Act] = []
    for key, command in commands:
        acts.append(SpendAct(WHO, key, command, gates))
        if len(acts) % 50 == 0:
            await asyncio.sleep(0)
    return acts


async def _head(town: Town) -> int:
    async with town.services.db.begin(town.schema, read_only=True) as tx:
        return int(await tx.driver.fetchval("SELECT max(last_seq) FROM journal_batch"))


async def _against_row_locks(town: Town, sheet: Sheet, rng: random.Random) -> None:
    """All operations credit one house account: the row that a ledger with row locks waits for."""
    await _warm(town, rng)
    db = town.services.db
    # Two journals: one that takes single operations too would keep the chunks of the other small.
    journal, singly, peer = Journal(db, bulk_chunk=HOT_BATCH), Journal(db), Singly(db)
    await spend_by_rows(town, 4 * WRITERS, rng)
    await _spend_singly(town, peer, 4 * WRITERS, rng)
    bulk, single, same, lean = [], [], [], []
    for _ in range(ROUNDS):
        bulk.append(12 * HOT_BATCH / await _spend(town, journal, HOT_BATCH, 12, rng))
        same.append(24 * WRITERS / await _spend_singly(town, peer, 24 * WRITERS, rng))
        lean.append(24 * WRITERS / await spend_by_rows(town, 24 * WRITERS, rng))
        single.append(64 * WRITERS / await _spend_singly(town, singly, 64 * WRITERS, rng))
    await journal.close()
    await singly.close()
    figures: dict[str, Figure] = {
        "journal.rowlock_ops_per_second.hot": median(same),
        "journal.rowlock_ratio.hot": _times(bulk, same),
        "journal.rowlock_ratio.equal_callers": _times(single, same),
        "journal.lean_rowlock_ops_per_second.hot": median(lean),
        "journal.lean_rowlock_ratio.hot": _times(bulk, lean),
        "journal.lean_rowlock_ratio.equal_callers": _times(single, lean),
    }
    sheet.keep(figures)
    sheet.show(
        "Journal: one hot account, operations a second",
        ["who", "operations a second", "times the peer", "times the lean peer"],
        [
            [f"peer: {WRITERS} writers with row locks", f"{median(same):,.0f}", "1", ""],
            [f"lean peer: {WRITERS} writers", f"{median(lean):,.0f}", "", "1"],
            [
                f"journal, {WRITERS} single callers",
                f"{median(single):,.0f}",
                f"{_times(single, same):.1f}",
                f"{_times(single, lean):.1f}",
            ],
            [
                f"journal, commits of {HOT_BATCH:,}",
                f"{median(bulk):,.0f}",
                f"{_times(bulk, same):.1f}",
                f"{_times(bulk, lean):.1f}",
            ],
        ],
    )


def _times(ours: list[float], theirs: list[float]) -> float:
    """Return how many times the peer's speed ours is, round by round."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


async def _spend_singly(town: Town, journal: Journal, operations: int, rng: random.Random) -> float:
    """Let as many callers as the peer has writers send one operation at a time."""
    acts = iter(await _acts(town, _commands(town, operations, rng)))

    async def caller() -> None:
        for act in acts:
            await journal.submit(town.schema, act)

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(WRITERS)))
    return perf_counter() - began
