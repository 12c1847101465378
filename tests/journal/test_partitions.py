"""The next partition is there before the journal needs it."""

from tests.economy import Economy

from guildbank.journal import PARTITION_ROWS, make_partitions
from guildbank.ledger import PARTITIONED_TRANSFERS


async def test_a_young_journal_needs_no_further_partition(economy: Economy):
    assert await make_partitions(economy.db, economy.schema, [PARTITIONED_TRANSFERS]) == []


async def test_past_the_middle_the_next_partition_is_made_once_and_takes_rows(economy: Economy):
    middle, edge = PARTITION_ROWS // 2, PARTITION_ROWS - 1
    await economy.sql(
        "INSERT INTO journal_batch SELECT $1, 1, epoch, written_at, format, hash, digests "
        "FROM journal_batch",
        middle,
    )
    made = await make_partitions(economy.db, economy.schema, [PARTITIONED_TRANSFERS])
    assert made == ["journal_entry_p1", "ledger_transfer_p1"]
    assert await make_partitions(economy.db, economy.schema, [PARTITIONED_TRANSFERS]) == []
    await economy.sql("UPDATE journal_batch SET last_seq = $1 WHERE last_seq > 0", edge)
    player = await economy.player()
    receipt = await economy.grant(player, 5)
    assert receipt.seq == PARTITION_ROWS
    await economy.spend(player, 2, "free")
    ((after,),) = await economy.sql(
        "SELECT debit_after FROM ledger_transfer_p1 WHERE seq = $1", PARTITION_ROWS + 1
    )
    assert after == 3
