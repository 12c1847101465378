"""The counts of lost and doubled operations are measured: each is found when it happens."""

import pytest
from tests.economy import Economy, open_economy
from tests.loads import Missed, Op, count_missed, furnish, make_ops

from guildbank.infra.postgres import Cluster

LOSE_ENTRY = "DELETE FROM journal_entry WHERE key_hash = $1"
LOSE_KEY = "DELETE FROM journal_key WHERE hash = $1"
DOUBLE = """
INSERT INTO journal_entry (seq, kind, principal, key_hash, fingerprint, data)
SELECT seq + 1000, kind, principal, key_hash, fingerprint, data
FROM journal_entry
WHERE key_hash = $1
"""


@pytest.mark.parametrize(
    ("deed", "missed"),
    [
        (None, Missed(lost=0, doubled=0)),
        (LOSE_ENTRY, Missed(lost=1, doubled=0)),
        (LOSE_KEY, Missed(lost=1, doubled=0)),
        (DOUBLE, Missed(lost=0, doubled=1)),
    ],
)
async def test_what_is_lost_or_doubled_is_counted(
    cluster: Cluster, deed: str | None, missed: Missed
):
    async with open_economy(cluster.create_database("test_count")) as economy:
        ops = await done(economy)
        if deed is not None:
            await economy.sql(deed, ops[3].key_hash)
        keys = [op.key_hash for op in ops]
        assert await count_missed(economy.db, economy.schema, keys, keyless=2) == missed


async def done(economy: Economy) -> list[Op]:
    """Send some operations; return them."""
    ops = make_ops(7, await furnish(economy, players=2), 10)
    for op in ops:
        await economy.journal.submit(economy.schema, op.act())
    return ops
