"""Write a batch's rows while later acts of the same batch are still being decided.

Python decides on one core while PostgreSQL stores on another; order is kept, because each slice
waits for the one before it.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import Driver, Log, Probe, Receipt, Sealed

Accepted = tuple[Act, Receipt, Sealed | None]
Logged = Sequence[tuple[Log[Any], list[Any]]]


class Pen:
    """Writes the rows of accepted acts, slice by slice, on one connection.

    `rows` are the entries' canonical bytes, in order; `canonical_rows` are those of the logs too.
    """

    def __init__(self, driver: Driver, probe: Probe) -> None:
        self._driver = driver
        self._probe = probe
        self._writing: asyncio.Task[None] | None = None
        self.rows: list[bytes] = []
        self._logged: dict[Log[Any], list[bytes]] = {}

    def canonical_rows(self) -> list[bytes]:
        """Return the bytes of all rows in the order of the chain: entries, then each log."""
        logs = sorted(self._logged.items(), key=lambda item: item[0].order)
        return [*self.rows, *(row for _, rows in logs for row in rows)]

    async def write(self, accepted: Sequence[Accepted], logged: Logged, *, last: bool) -> None:
        """Write a slice; unless it is the last, return while PostgreSQL is still at it."""
        if accepted:
            if last and self._writing is None:
                await self._write(None, accepted, logged)
            else:
                self._writing = asyncio.create_task(self._write(self._writing, accepted, logged))
                # One step of the loop sends the rows before the next acts are decided.
                await asyncio.sleep(0)
            self.rows += [
                entry_bytes(r.seq, r.kind, r.principal, act.key_hash, act.fingerprint, r.data)
                for act, r, _ in accepted
            ]
            for log, rows in logged:
                self._logged.setdefault(log, []).extend(map(log.canonical, rows))
        if last and self._writing is not None:
            await self._writing

    async def rest(self) -> None:
        """Wait until nothing is being written, so that the connection can be used again."""
        if self._writing is not None:
            self._writing.cancel()
            # Its error, if any, is the batch's own and raised where it was awaited.
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(
        self, before: Awaitable[None] | None, accepted: Sequence[Accepted], logged: Logged
    ) -> None:
        if before is not None:
            await before
        for log, rows in logged:
            await log.write(self._driver, rows)
            await self._probe(f"logged_{type(log).__name__}")
        await store.write_entries(
            self._driver,
            [
                (r.seq, r.kind, r.principal, act.key_hash, act.fingerprint, r.data.decode())
                for act, r, _ in accepted
            ],
        )
        payloads = [(r.seq, sealed) for _, r, sealed in accepted if sealed is not None]
        if payloads:
            await store.write_payloads(self._driver, payloads)
        await self._probe("entries_written")
