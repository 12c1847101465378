"""Name the row of a damaged batch: changed, missing or added. Runs once, on the batch at fault."""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank.journal import reading
from guildbank.journal.chain import DIGEST_SIZE, row_digest
from guildbank.journal.contracts import ChainedRows, Damage, Driver
from guildbank.journal.reading import Batch

CHANGED = "it was changed: it does not match the digest that was kept of it"


class Found(NamedTuple):
    """A row that is there, with the digest of its bytes as they are now."""

    table: str
    seq: int
    leg: int | None
    digest: bytes


async def diagnose(
    driver: Driver, batch: Batch, logs: Sequence[ChainedRows], *, rows_agree: bool
) -> Damage:
    """Return the first damage of a batch whose rows, digests and hash do not fit each other.

    `rows_agree` says that the rows give the batch's hash, so that the digests are at fault. Holds
    the digests of one batch in memory.
    """
    if rows_agree:
        return _of(batch, "its digests were changed: its rows give its hash, but not its digests")
    size = DIGEST_SIZE
    expected = [batch.digests[at : at + size] for at in range(0, len(batch.digests), size)]
    entries = [
        Found("journal_entry", keyed.row.seq, None, row_digest(keyed.row.canonical))
        async for block in reading.read_chained_entries(driver, batch.first - 1, batch.last + 1)
        for keyed in block
    ]
    beyond = entries.pop() if entries and entries[-1].seq > batch.last else None
    logged = [
        Found(log.table, row.seq, row.leg, row_digest(row.canonical))
        for log in logs
        async for block in log.read(driver, batch.first - 1, batch.last)
        for row in block
    ]
    everything = [*entries, *logged]
    size_of_range = batch.last - batch.first + 1
    if [row.digest for row in everything] == expected:
        return _of(
            batch,
            "its hash does not follow from its rows, its range, its time and the batch before: "
            "one of these, or a row together with its digest, was changed",
        )
    if beyond is not None and beyond.digest in expected[size_of_range:]:
        return _of(batch, f"it ends at {batch.last}, but its digests go on with the next entry")
    return (
        _wrong_entry(batch, entries, expected)
        or _wrong_row(everything, expected, logs, batch)
        or _of(batch, "its rows are not those that it was written with")
    )


def _of(batch: Batch, what: str) -> Damage:
    return Damage("journal_batch", batch.last, None, what)


def _wrong_entry(
    batch: Batch, entries: Sequence[Found], expected: Sequence[bytes]
) -> Damage | None:
    """Compare entries, of which every seq of the batch has one."""
    there = {entry.seq: entry for entry in entries}
    for at, seq in enumerate(range(batch.first, batch.last + 1)):
        entry = there.get(seq)
        if entry is None:
            return Damage("journal_entry", seq, None, "it is missing")
        if at < len(expected) and entry.digest != expected[at]:
            return Damage(entry.table, seq, None, CHANGED)
    return None


def _wrong_row(
    found: Sequence[Found], expected: Sequence[bytes], logs: Sequence[ChainedRows], batch: Batch
) -> Damage | None:
    """Compare rows whose number is not known from their seqs; the entries before them agree."""
    for at, row in enumerate(found):
        if at < len(expected) and row.digest == expected[at]:
            continue
        if len(found) < len(expected) and row.digest in expected[at:]:
            return _gap(found[at - 1], row, batch)
        later = {one.digest for one in found[at + 1 :]}
        if len(found) > len(expected) and (at >= len(expected) or expected[at] in later):
            return Damage(row.table, row.seq, row.leg, "it was added: its batch did not write it")
        return Damage(row.table, row.seq, row.leg, CHANGED)
    if len(found) < len(expected):
        tables = [log.table for log in logs]
        end = Found(tables[-1] if tables else "journal_batch", batch.last + 1, 0, b"")
        return _gap(found[-1], end, batch)
    return None


def _gap(before: Found, after: Found, batch: Batch) -> Damage:
    """Name the place of a missing row: exact where its neighbours leave only one."""
    same = before.table == after.table
    seq, leg = (before.seq, before.leg or 0) if same else (batch.first - 1, -1)
    if after.seq > seq and after.leg:
        # An entry's later leg is here, so it is the one before that is not.
        place = (after.seq, after.leg - 1)
    elif after.seq > seq + 1:
        place = (seq + 1, 0)
    else:
        place = (seq, leg + 1)
    what = f"a row is missing here, before seq {after.seq}, leg {after.leg}"
    return Damage(after.table, *place, what)
