"""Stop and restart a tenant's journal by an entry of its own: our side of tenancy's port."""

from guildbank.infra.database import Tx
from guildbank.journal import store
from guildbank.journal.act import facts
from guildbank.journal.chain import FORMAT, batch_hash, digests, entry_bytes
from guildbank.tenancy import JournalHead

SUSPENDED = "journal.suspended"
RESUMED = "journal.resumed"

SET_WRITABLE = """
UPDATE journal_state
SET writable = $1
"""


class TenantJournal:
    """Implements `tenancy.JournalPort`; both calls run on the tenant's schema in the given tx."""

    async def set_writable(self, tx: Tx, writable: bool, principal: str) -> None:
        """Wait until no batch is in flight, and say what the next one will find.

        A change is a batch of one entry by `principal`; saying the same again writes nothing.
        """
        await store.lock_journal(tx.driver)
        now, head = await store.fetch_head(tx.driver)
        if head.writable == writable:
            return
        await tx.driver.execute(SET_WRITABLE, writable)
        kind = RESUMED if writable else SUSPENDED
        seq, data = head.seq + 1, facts({})
        rows = [entry_bytes(seq, kind, principal, None, None, data)]
        hash_ = batch_hash(head.hash, head.epoch, seq, seq, now, rows)
        entry = (seq, kind, principal, None, None, data)
        batch = (seq, seq, head.epoch, now, FORMAT, hash_, digests(rows))
        statements = [*store.entries_writing([entry]), store.batch_writing(batch)]
        await store.write_joined(tx.driver, statements)

    async def head(self, tx: Tx) -> JournalHead:
        """Return the newest batch."""
        _, head = await store.fetch_head(tx.driver)
        return JournalHead(head.seq, head.hash)
