"""The statement that every batch begins with finds keys by their index, however many there are."""

import os

import pytest
from tests.economy import Economy

from guildbank.journal.store import READ_KEYS

FILL = """
INSERT INTO journal_key (hash, seq)
SELECT substr(sha256(number::text::bytea), 1, 16), number
FROM generate_series(1, 20000) AS number
"""

# Of the same meaning, but the planner expects a thousand keys and may choose.
FREE_TO_CHOOSE = """
SELECT journal_key.hash, journal_key.seq
FROM generate_series(1, length($1::bytea), 16) AS start
JOIN journal_key ON journal_key.hash = substr($1::bytea, start, 16)
"""


@pytest.mark.parametrize(
    ("statement", "scans"),
    [(READ_KEYS, False), (FREE_TO_CHOOSE, True)],
    ids=["as it is", "the planner may choose"],
)
async def test_a_key_is_found_by_the_index_of_its_partition(
    economy: Economy, statement: str, scans: bool
):
    await economy.sql(FILL)
    await economy.sql("ANALYZE journal_key")
    async with economy.db.begin(economy.schema) as tx:
        # Prepared, as it is on every connection of the pool.
        await tx.driver.execute(f"PREPARE keys AS {statement}")
        rows = await tx.driver.fetch(f"EXPLAIN EXECUTE keys('\\x{os.urandom(16).hex()}')")
        await tx.driver.execute("DEALLOCATE keys")
    assert any("Seq Scan" in row[0] for row in rows) is scans
