"""Stop and restart a tenant's journal: the journal's side of tenancy's port."""

from guildbank.infra.database import Tx
from guildbank.journal import store
from guildbank.tenancy import JournalHead

SET_WRITABLE = """
UPDATE journal_state
SET writable = $1
"""


class TenantJournal:
    """Implements `tenancy.JournalPort`; both calls run on the tenant's schema in the given tx."""

    async def set_writable(self, tx: Tx, writable: bool) -> None:
        """Wait until no batch is in flight, and say what the next one will find."""
        await store.lock_journal(tx.driver)
        await tx.driver.execute(SET_WRITABLE, writable)

    async def head(self, tx: Tx) -> JournalHead:
        """Return the newest batch."""
        known = await store.read_head(tx.driver, [])
        return JournalHead(known.head.seq, known.head.hash)
