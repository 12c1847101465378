"""Gather the rows of accepted acts until they are written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from guildbank.journal import store
from guildbank.journal.chain import digests
from guildbank.journal.contracts import Driver, Log, Probe, Sealed, Statement
from guildbank.journal.deciding import Accepted

COPY_FROM_ROWS = 48
"""From how many rows on COPY costs less than parts of one statement (both ends counted)."""


class Writing(NamedTuple):
    """What is to be written: packed rows to copy by table, then statements, sent as one."""

    packed: dict[str, list[bytes]]
    statements: Sequence[Statement]


class _Rows:
    """The rows of one log: those not written yet, and the bytes of all of them for the chain.

    `packed` are the first of those that wait, as COPY takes them.
    """

    __slots__ = ("_digested", "_digests", "canonical", "packed", "waiting")

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.packed: list[bytes] = []
        self.canonical: list[bytes] = []
        self._digests = b""
        self._digested = 0

    def digests(self) -> bytes:
        """Return the digests of all rows."""
        self._digests += digests(self.canonical[self._digested :])
        self._digested = len(self.canonical)
        return self._digests

    def pack(self, log: Log[Any]) -> list[bytes]:
        """Return the rows that wait as COPY takes them."""
        self.packed += map(log.copied, self.waiting[len(self.packed) :])
        return self.packed


class Pen:
    """Holds what of a batch is not written yet, and the bytes of all its rows for the chain."""

    def __init__(self) -> None:
        self._entries = _Rows()
        self._logs: dict[Log[Any], _Rows] = {store.ENTRIES: self._entries}
        self._payloads: list[tuple[int, Sealed]] = []

    def add(self, accepted: Sequence[Accepted], logged: Sequence[tuple[Log[Any], Any]]) -> None:
        """Gather the rows of acts just accepted, and their bytes for the chain."""
        entries, logs = self._entries, self._logs
        for act, r, sealed in accepted:
            row = (r.seq, r.kind, r.principal, act.key_hash, act.fingerprint, r.data)
            entries.waiting.append(row)
            entries.canonical.append(store.ENTRIES.canonical(row))
            if sealed is not None:
                self._payloads.append((r.seq, sealed))
        for log, row in logged:
            rows = logs.get(log)
            if rows is None:
                rows = logs[log] = _Rows()
            rows.waiting.append(row)
            rows.canonical.append(log.canonical(row))

    def prepare(self) -> None:
        """Make now what `chained` and `take` would make under the lock."""
        if self._copies():
            for log, rows in self._logs.items():
                rows.digests()
                rows.pack(log)

    def chained(self) -> tuple[list[bytes], bytes]:
        """Return the bytes of all rows in the order of the chain, and their digests in one."""
        in_order = [rows for _, rows in sorted(self._logs.items(), key=lambda item: item[0].order)]
        canonical = [row for rows in in_order for row in rows.canonical]
        return canonical, b"".join([rows.digests() for rows in in_order])

    def take(self, statements: Sequence[Statement]) -> Writing:
        """Return what was gathered since the last call, and the statements, to be written.

        Few rows become parts of one statement with them, so a small batch is one round trip.
        """
        payloads, self._payloads = self._payloads, []
        if payloads:
            statements = [store.payloads_writing(payloads), *statements]
        waiting = {log: rows for log, rows in self._logs.items() if rows.waiting}
        entries = self._entries.waiting
        packed: dict[str, list[bytes]] = {}
        if self._copies():
            packed = {log.table: rows.pack(log) for log, rows in waiting.items()}
            if entries:
                statements = [store.copied_keys_writing(entries), *statements]
        elif waiting:
            inserts = [log.inserting(rows.waiting) for log, rows in waiting.items()]
            keys = store.keys_writing(entries)
            statements = [*inserts, *([keys] if keys else []), *statements]
        for rows in waiting.values():
            rows.waiting, rows.packed = [], []
        return Writing(packed, statements)

    def _copies(self) -> bool:
        """Say whether so many rows wait that they are copied."""
        return max(len(rows.waiting) for rows in self._logs.values()) >= COPY_FROM_ROWS


async def write(driver: Driver, probe: Probe, writing: Writing) -> None:
    """Write it; nothing is there before the transaction is committed."""
    for table, rows in writing.packed.items():
        await store.copy_packed(driver, table, rows)
        await probe(f"copied_{table}")
    if writing.statements:
        await store.write_joined(driver, writing.statements)
        await probe("written")
