"""The transfers as `verify` reads them back."""

from collections.abc import AsyncIterator, Sequence

from guildbank.journal import PARTITION_ROWS, ChainedRow, Driver, Partitioned, read_blocks
from guildbank.ledger.contracts import Transfer
from guildbank.ledger.store import TRANSFERS
from guildbank.ledger.tables import partition_statements

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

PARTITIONED_TRANSFERS = Partitioned(
    "ledger_transfer", lambda number: partition_statements(number, PARTITION_ROWS)
)
"""For the journal's job that makes partitions ahead."""
