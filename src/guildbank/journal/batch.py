"""One batch: its acts are read for, decided, sealed with a hash, and written.

Under the lock these follow each other. Ahead of the lock rows are read first; then the batch stands
behind the one that is being written, takes over what that one has changed, and is decided.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from guildbank.journal import pen, store
from guildbank.journal.act import Act
from guildbank.journal.chain import FORMAT, batch_hash
from guildbank.journal.contracts import Driver, Head, Need, Probe, Receipt, Rows, Statement
from guildbank.journal.deciding import Group, decide
from guildbank.journal.stage import Stage

MAX_ROUNDS = 5

STEP = 10
"""Groups that are decided ahead before the loop looks after the batch that is being written."""

Missing: TypeAlias = dict[Any, list[Any]]
"""Keys that are to be read, by shelf."""


class Unforeseen(Exception):
    """What was decided ahead does not hold: only under the lock can it be known what does."""


class Batch:
    """The acts of one transaction, in the order in which they were decided.

    `accepted` says how many of them will be entries, `hash` is set when the batch is sealed, and
    `ahead` says that some were decided ahead of the lock. A suspended journal takes it only
    `while_suspended`.
    """

    def __init__(self, *, while_suspended: bool = False) -> None:
        self._while_suspended = while_suspended
        self.hash = b""
        self.accepted = 0
        self.ahead = False
        self._pen = pen.Pen()
        self._head: Head | None = None
        self._behind: Sequence[Batch] = ()
        self._stage = Stage()
        # Receipts of keys that are known, and what this batch accepts under new ones.
        self._replays: dict[bytes, store.StoredReceipt] = {}
        self._asked: set[bytes] = set()

    @property
    def head(self) -> Head:
        """Return what the batch follows; it is known once rows were read."""
        assert self._head is not None
        return self._head

    @property
    def last_seq(self) -> int:
        """Return the seq of the last act that was accepted so far."""
        return self._stage.seq - 1

    async def decide(self, driver: Driver, groups: Sequence[Group], probe: Probe) -> None:
        """Answer every group on rows that are read under the lock."""
        last: list[Group] = []
        # Seldom so, and asked of every act.
        if any(act.goes_last for group in groups for act in group.acts):
            last = [group for group in groups if group.goes_last]
            groups = [group for group in groups if not group.goes_last]
        await self._decide(driver, groups, probe)
        for group in last:
            await self._decide(driver, [group], probe)

    async def _decide(self, driver: Driver, groups: Sequence[Group], probe: Probe) -> None:
        while groups:
            await self._read(driver, groups, probe)
            await probe("rows_loaded")
            # An act before them has changed what they go by, a payment credited just now for one.
            groups = self._answer(groups)
            for group in groups:
                group.tries += 1
            groups = [group for group in groups if group.tries < MAX_ROUNDS]

    async def read_ahead(self, driver: Driver, groups: Sequence[Group], *, keys: bool) -> None:
        """Read for the groups ahead of the lock, in one snapshot. Raises Unforeseen.

        Without `keys` those of the acts are taken to be new. Where one is not, the unique index of
        the keys refuses to store it again; `doubted` tells which it will not be asked for.
        """
        self.ahead = True
        await self._read(driver, groups, None, keys=keys)

    def stand_behind(self, batches: "Sequence[Batch]") -> None:
        """Go on from the last of these batches, in order, which may be newer than the rows."""
        last = batches[-1]
        for batch in batches:
            self._stage.take_over(batch._stage)
            known = batch._replays
            self._replays.update({key: known[key] for key in known.keys() & self._asked})
        self._stage.begin(max(self._stage.now, last._stage.now), last.last_seq + 1)
        self._behind = batches

    async def answer_ahead(self, groups: Sequence[Group]) -> None:
        """Answer the groups, a few at a time; after Unforeseen the batch is void."""
        for start in range(0, len(groups), STEP):
            if self._answer(groups[start : start + STEP]):
                raise Unforeseen
            self._pen.prepare()
            await asyncio.sleep(0)

    def doubted(self, groups: Sequence[Group]) -> list[bytes]:
        """Return the keys of groups that were refused, which will not be stored.

        Where one is known, the answer should have been that of its entry.
        """
        refused = (group for group in groups if not isinstance(group.answers[-1], Receipt))
        hashes = {act.key_hash for group in refused for act in group.acts}
        return [one for one in hashes if one is not None and one not in self._replays]

    def follows(self, head: Head) -> bool:
        """Say whether the batch, decided ahead, is as it would be if it were decided now.

        It is if the batches that it stands behind are a part of the chain, the last one of them
        is the newest batch, and its rows are not older than the first.
        """
        seen, behind = self.head, self._behind
        hashes = [behind[0].head.hash]
        for batch in behind:
            if batch.head.hash != hashes[-1]:
                return False
            hashes.append(batch.hash)
        if head.hash != hashes[-1] or seen.hash not in hashes:
            return False
        self._head, self._behind = head, ()
        return head.writable and seen.writable

    def seal(self) -> pen.Writing:
        """Give the batch its hash; return what is to be written. Nothing is decided after it."""
        stage, head = self._stage, self.head
        rows, digests = self._pen.chained()
        first, last = head.seq + 1, self.last_seq
        self.hash = batch_hash(head.hash, head.epoch, first, last, stage.now, rows)
        batch = (last, first, head.epoch, stage.now, FORMAT, self.hash, digests)
        return self._pen.take([*self._saving(), store.batch_writing(batch)])

    def _answer(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Answer the groups; return those that are to be asked again."""
        decided = decide(self._stage, groups, self._replays, self.head)
        self._pen.add(decided.accepted, self._stage.take_logged())
        self.accepted += len(decided.accepted)
        return decided.unready

    def _saving(self) -> list[Statement]:
        """Return the statements that save the rows changed since the last call."""
        return [one for shelf, rows in self._stage.take_changed() for one in shelf.saving(rows)]

    async def _read(
        self, driver: Driver, groups: Sequence[Group], probe: Probe | None, *, keys: bool = True
    ) -> None:
        """Put on the stage what the acts need, in rounds: some learn from rows what else they need.

        With a `probe` this is under the lock.
        """
        stage = self._stage
        acts = [act for group in groups for act in group.acts]
        needs = [*_needs(acts, stage), *(need for group in groups for need in group.wants)]
        missing = stage.missing(needs)
        statements = _reading(missing)
        hashes = {act.key_hash for act in acts if act.key_hash is not None} - self._replays.keys()
        self._asked |= hashes
        if not keys:
            hashes = set()
        if hashes:
            statements.append(store.keys_reading(hashes))
        if self._head is None:
            statements.append(store.head_reading())
        for number in range(1, MAX_ROUNDS + 1):
            rows = await self._fetch(driver, missing, statements, len(acts), probe)
            if self._head is None:
                self._begin(rows.pop())
            if hashes:
                await self._meet(driver, {row[0]: row[1] for row in rows.pop()})
                hashes = set()
            for (shelf, asked), found in zip(missing.items(), rows, strict=True):
                stage.fill(shelf, asked, shelf.read(asked, found))
            acts = [act for act in acts if act.rounds > number]
            if not acts:
                return
            missing = stage.missing(_needs(acts, stage))
            statements = _reading(missing)
        raise RuntimeError(f"an act asks for more than {MAX_ROUNDS} rounds of reading")

    async def _fetch(
        self,
        driver: Driver,
        missing: Missing,
        statements: Sequence[Statement],
        acts: int,
        probe: Probe | None,
    ) -> list[Rows]:
        if any(shelf.derived for shelf in missing):
            if probe is None:
                raise Unforeseen
            # Derived rows follow from what acts before them have done.
            await pen.write(driver, probe, self._pen.take(self._saving()))
        return await store.read_each(driver, statements, acts) if statements else []

    def _begin(self, rows: Rows) -> None:
        now, head = store.read_head(rows)
        self._head = replace(head, writable=True) if self._while_suspended else head
        self._stage.begin(now, self._head.seq + 1)

    async def _meet(self, driver: Driver, seqs: dict[bytes, int]) -> None:
        """Read the receipts of keys that earlier batches know."""
        if seqs:
            receipts = await store.read_receipts(driver, list(set(seqs.values())))
            self._replays.update({hash_: receipts[seq] for hash_, seq in seqs.items()})


def _needs(acts: Sequence[Act], stage: Stage) -> list[Need]:
    return [need for act in acts for need in act.needs(stage)]


def _reading(missing: Missing) -> list[Statement]:
    return [shelf.reading(keys) for shelf, keys in missing.items()]
