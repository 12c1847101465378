"""Gather the rows of accepted acts, and write them chunk by chunk while later acts are decided."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from guildbank.journal import store
from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import Driver, Log, Probe, Sealed, Statement
from guildbank.journal.deciding import Accepted
from guildbank.journal.line import Work

COPY_FROM_ROWS = 48
"""From how many rows on COPY costs less than parts of one statement (both ends counted)."""


class Pen:
    """Holds what of a batch is not written yet, and the bytes of all its rows for the chain."""

    def __init__(self, driver: Driver, probe: Probe) -> None:
        self._driver = driver
        self._probe = probe
        self._entries: list[store.EntryRow] = []
        self._payloads: list[tuple[int, Sealed]] = []
        self._logged: dict[Log[Any], list[Any]] = {}
        self._entry_bytes: list[bytes] = []
        self._log_bytes: dict[Log[Any], list[bytes]] = {}

    def add(self, accepted: Sequence[Accepted], logged: Sequence[tuple[Log[Any], Any]]) -> None:
        """Gather the rows of acts just accepted, and their bytes for the chain."""
        for act, r, sealed in accepted:
            key, print_ = act.key_hash, act.fingerprint
            self._entries.append((r.seq, r.kind, r.principal, key, print_, r.data.decode()))
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

    def writing(self, statements: Sequence[Statement]) -> Work[None]:
        """Return the work of writing what was gathered since the last call, and the statements.

        Few rows become parts of one statement with them, so a small batch is one round trip.
        """
        entries, self._entries = self._entries, []
        logged, self._logged = self._logged, {}
        payloads, self._payloads = self._payloads, []
        if payloads:
            statements = [store.payloads_writing(payloads), *statements]
        tables = {log.table: rows for log, rows in logged.items()}
        if max((len(entries), *map(len, tables.values()))) >= COPY_FROM_ROWS:
            tables |= {"journal_entry": entries, "journal_key": store.keys_of(entries)}
            return partial(self._write, tables, statements)
        if entries:
            inserts = [log.inserting(rows) for log, rows in logged.items()]
            statements = [*inserts, *store.entries_writing(entries), *statements]
        return partial(self._write, {}, statements)

    async def _write(self, tables: dict[str, list[Any]], statements: Sequence[Statement]) -> None:
        for table, rows in tables.items():
            if rows:
                await store.copy_rows(self._driver, table, rows)
                await self._probe(f"copied_{table}")
        if statements:
            await store.write_joined(self._driver, statements)
            await self._probe("written")
