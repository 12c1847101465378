"""Write a batch's rows while later acts of the same batch are still being decided.

Python decides on one core while PostgreSQL stores on another: while one slice is being written
the next gathers, as batches do while a batch is in flight.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import Driver, Log, Probe, Receipt, Sealed

SLICE = 100
"""Entries that are worth a write of their own before the batch is decided to its end."""

Accepted = tuple[Act, Receipt, Sealed | None]
Logged = Sequence[tuple[Log[Any], list[Any]]]


class Pen:
    """Gathers the rows of accepted acts and writes them, on one connection and in order."""

    def __init__(self, driver: Driver, probe: Probe) -> None:
        self._driver = driver
        self._probe = probe
        self._writing: asyncio.Task[None] | None = None
        self._entries: list[store.EntryRow] = []
        self._payloads: list[tuple[int, Sealed]] = []
        self._logged: dict[Log[Any], list[Any]] = {}
        self._entry_bytes: list[bytes] = []
        self._log_bytes: dict[Log[Any], list[bytes]] = {}

    def add(self, accepted: Sequence[Accepted], logged: Logged) -> None:
        """Gather the rows of acts just accepted, and their bytes for the chain."""
        for act, r, sealed in accepted:
            key, print_ = act.key_hash, act.fingerprint
            self._entries.append((r.seq, r.kind, r.principal, key, print_, r.data.decode()))
            self._entry_bytes.append(entry_bytes(r.seq, r.kind, r.principal, key, print_, r.data))
            if sealed is not None:
                self._payloads.append((r.seq, sealed))
        for log, rows in logged:
            self._logged.setdefault(log, []).extend(rows)
            self._log_bytes.setdefault(log, []).extend(map(log.canonical, rows))

    def canonical_rows(self) -> list[bytes]:
        """Return the bytes of all rows in the order of the chain: entries, then each log."""
        logs = sorted(self._log_bytes.items(), key=lambda item: item[0].order)
        return [*self._entry_bytes, *(row for _, rows in logs for row in rows)]

    async def turn(self) -> None:
        """Let PostgreSQL take what is gathered, and go on deciding while it does."""
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
        if self._writing is None and len(self._entries) >= SLICE:
            entries, self._entries = self._entries, []
            self._writing = asyncio.create_task(self._write(self._take_logged(), entries))
        if self._writing is not None:
            await asyncio.sleep(0)

    async def finish(self) -> list[store.EntryRow]:
        """Write all rows but the newest entries, which are returned: the batch goes with them."""
        if self._writing is not None:
            await self._writing
        await self._write(self._take_logged(), [])
        if self._payloads:
            await store.write_payloads(self._driver, self._payloads)
        return self._entries

    async def rest(self) -> None:
        """Wait until nothing is being written, so that the connection can be used again."""
        if self._writing is not None:
            self._writing.cancel()
            # Its error, if any, is the batch's own and raised where it was awaited.
            await asyncio.gather(self._writing, return_exceptions=True)

    def _take_logged(self) -> Logged:
        logged, self._logged = self._logged, {}
        return sorted(logged.items(), key=lambda item: item[0].order)

    async def _write(self, logged: Logged, entries: list[store.EntryRow]) -> None:
        for log, rows in logged:
            await log.write(self._driver, rows)
            await self._probe(f"logged_{type(log).__name__}")
        if entries:
            await store.write_entries(self._driver, entries)
            await self._probe("entries_written")
