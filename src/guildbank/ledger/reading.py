"""SQL of the ledger's read path: walks along the offset indexes, never over the whole table."""

from collections.abc import AsyncIterator, Sequence

from guildbank.journal import ChainedRow, Driver, read_blocks
from guildbank.ledger.contracts import Transfer
from guildbank.ledger.store import TRANSFERS

READ_CHAINED = """
SELECT seq, leg, debit, credit, amount, debit_offset, lot_offset, credit_offset, debit_after,
       credit_after, source_seq, source_leg, source_start
FROM ledger_transfer
WHERE seq > $1
  AND seq <= $2
ORDER BY seq, leg
"""


class ChainedTransfers:
    """The transfers as `verify` reads them back."""

    table = "ledger_transfer"
    order = TRANSFERS.order

    async def read(
        self, driver: Driver, after: int, upto: int
    ) -> AsyncIterator[Sequence[ChainedRow]]:
        """Yield transfers with their canonical bytes."""
        async for block in read_blocks(driver, READ_CHAINED, after, upto):
            yield [ChainedRow(row[0], row[1], TRANSFERS.canonical(Transfer(*row))) for row in block]


CHAINED_TRANSFERS = ChainedTransfers()
