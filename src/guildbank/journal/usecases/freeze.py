"""Stop and restart a tenant's journal by an entry of its own: our side of tenancy's port."""

from collections.abc import Mapping
from datetime import datetime

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.journal import store
from guildbank.journal.act import facts
from guildbank.journal.audit import AuditSealer
from guildbank.journal.chain import FORMAT, batch_hash, digests
from guildbank.journal.contracts import Head
from guildbank.journal.usecases.record import Recorder
from guildbank.tenancy import JournalHead

SUSPENDED = "journal.suspended"
RESUMED = "journal.resumed"
RESTORED = "journal.restored"

SET_WRITABLE = """
UPDATE journal_state
SET writable = $1
"""

BEGIN_EPOCH = """
UPDATE journal_state
SET writable = $1, epoch = epoch + 1
"""


class TenantJournal:
    """Implements `tenancy.JournalPort`; its calls run on the tenant's schema in the given tx.

    `sealer` is the deployment's, for what is recorded in its own journal.
    """

    def __init__(self, sealer: AuditSealer) -> None:
        self._own = Recorder(CONTROL_SCHEMA, sealer)

    async def set_writable(self, tx: Tx, writable: bool, principal: str) -> None:
        """Wait until no batch is in flight, and say what the next one will find.

        A change is a batch of one entry by `principal`; saying the same again writes nothing.
        """
        await store.lock_journal(tx.driver)
        now, head = await store.fetch_head(tx.driver)
        if head.writable == writable:
            return
        await tx.driver.execute(SET_WRITABLE, writable)
        await _write(tx, now, head, RESUMED if writable else SUSPENDED, {}, principal)

    async def note(self, tx: Tx, kind: str, data: Mapping[str, object], principal: str) -> None:
        """Write a batch of one entry, which a suspended journal takes too."""
        await store.lock_journal(tx.driver)
        now, head = await store.fetch_head(tx.driver)
        await _write(tx, now, head, kind, data, principal)

    async def record(
        self,
        tx: Tx,
        principal: str,
        kind: str,
        told: Mapping[str, object],
        *,
        before: object = None,
        after: object = None,
    ) -> None:
        """Write an entry to the deployment's own journal, the last thing before the commit."""
        await self._own.record(tx, principal, kind, told, before=before, after=after)

    async def begin_epoch(self, tx: Tx, told: Mapping[str, object], *, writable: bool) -> None:
        """Raise the epoch, and say from what backup the journal goes on; nobody writes yet."""
        await store.lock_journal(tx.driver)
        await tx.driver.execute(BEGIN_EPOCH, writable)
        now, head = await store.fetch_head(tx.driver)
        await _write(tx, now, head, RESTORED, told, HOST)

    async def head(self, tx: Tx) -> JournalHead:
        """Return the newest batch."""
        _, head = await store.fetch_head(tx.driver)
        return JournalHead(head.seq, head.hash)


async def _write(
    tx: Tx, now: datetime, head: Head, kind: str, data: Mapping[str, object], principal: str
) -> None:
    seq, told = head.seq + 1, facts(data)
    entry = (seq, kind, principal, None, None, told)
    rows = [store.ENTRIES.canonical(entry)]
    hash_ = batch_hash(head.hash, head.epoch, seq, seq, now, rows)
    batch = (seq, seq, head.epoch, now, FORMAT, hash_, digests(rows))
    statements = [store.ENTRIES.inserting([entry]), store.batch_writing(batch)]
    await store.write_joined(tx.driver, statements)
