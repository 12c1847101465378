"""Gather the rows of accepted acts until they are written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from guildbank.journal import store
from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import Driver, Log, Probe, Sealed, Statement
from guildbank.journal.deciding import Accepted

COPY_FROM_ROWS = 48
"""From how many rows on COPY costs less than parts of one statement (both ends counted)."""


class Writing(NamedTuple):
    """What is to be written: packed rows to copy by table, then statements, sent as one."""

    packed: dict[str, list[bytes]]
    statements: Sequence[Statement]


class Pen:
    """Holds what of a batch is not written yet, and the bytes of all its rows for the chain."""

    def __init__(self) -> None:
        self._entries: list[store.EntryRow] = []
        self._payloads: list[tuple[int, Sealed]] = []
        self._logged: dict[Log[Any], list[Any]] = {}
        self._entry_bytes: list[bytes] = []
        self._log_bytes: dict[Log[Any], list[bytes]] = {}

    def add(self, accepted: Sequence[Accepted], logged: Sequence[tuple[Log[Any], Any]]) -> None:
        """Gather the rows of acts just accepted, and their bytes for the chain."""
        for act, r, sealed in accepted:
            key, print_ = act.key_hash, act.fingerprint
            self._entries.append((r.seq, r.kind, r.principal, key, print_, r.data))
            self._entry_bytes.append(entry_bytes(r.seq, r.kind, r.principal, key, print_, r.data))
            if sealed is not None:
                self._payloads.append((r.seq, sealed))
        for log, row in logged:
            rows = self._logged.get(log)
            if rows is None:
                rows = self._logged[log] = []
            rows.append(row)
            canonical = self._log_bytes.get(log)
            if canonical is None:
                canonical = self._log_bytes[log] = []
            canonical.append(log.canonical(row))

    def canonical_rows(self) -> list[bytes]:
        """Return the bytes of all rows in the order of the chain: entries, then each log."""
        logs = sorted(self._log_bytes.items(), key=lambda item: item[0].order)
        return [*self._entry_bytes, *(row for _, rows in logs for row in rows)]

    def take(self, statements: Sequence[Statement]) -> Writing:
        """Return what was gathered since the last call, and the statements, to be written.

        Few rows become parts of one statement with them, so a small batch is one round trip.
        """
        entries, self._entries = self._entries, []
        logged, self._logged = self._logged, {}
        payloads, self._payloads = self._payloads, []
        if payloads:
            statements = [store.payloads_writing(payloads), *statements]
        if max((len(entries), *map(len, logged.values()))) >= COPY_FROM_ROWS:
            packed = {log.table: list(map(log.copied, rows)) for log, rows in logged.items()}
            packed["journal_entry"] = store.entries_copied(entries)
            packed["journal_key"] = store.keys_copied(entries)
            return Writing(packed, statements)
        if entries:
            inserts = [log.inserting(rows) for log, rows in logged.items()]
            statements = [*inserts, *store.entries_writing(entries), *statements]
        return Writing({}, statements)


async def write(driver: Driver, probe: Probe, writing: Writing) -> None:
    """Write it; nothing is there before the transaction is committed."""
    for table, rows in writing.packed.items():
        if rows:
            await store.copy_packed(driver, table, rows)
            await probe(f"copied_{table}")
    if writing.statements:
        await store.write_joined(driver, writing.statements)
        await probe("written")
