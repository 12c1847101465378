"""The lean peer: a bare ledger, a transaction an operation, with a row lock on the hot account.

Same rows, same tables and indexes, same driver, same pool, same durability. Each of its writers
does in a transaction of its own what a spend does: update the player's row, update the row of the
hot house account, insert the key, the entry and the transfer, commit. It has no hash chain, no
wallet rules and no batch rows. The hot row is locked as late as an entry that holds the new
balance allows, which is the best that such a ledger can do.
"""

import asyncio
import os
import random
from time import perf_counter
from typing import Any

from bench.town import GEM, WHO, Town
from guildbank.infra.database import begin_statement

SCHEMA = "bench_rows"
WRITERS = 16
HOT = 0
_BEGIN = begin_statement(SCHEMA)
# As long as the facts of a spend.
_DATA = '{"amount":5}'.ljust(180)

UPDATE_PLAYER = """
UPDATE ledger_account
SET spent = spent + $4
WHERE owner = $1 AND asset = $2 AND bucket = $3 AND credited - spent - clawed - held >= $4
RETURNING id, spent, credited - spent - clawed
"""
INSERT_KEY = """
INSERT INTO journal_key (hash, seq)
VALUES ($1, nextval('spend_seq'))
RETURNING seq
"""
UPDATE_HOT = """
UPDATE ledger_account
SET credited = credited + $2
WHERE id = $1
RETURNING credited
"""
INSERT_ROWS = """
WITH entry AS (
    INSERT INTO journal_entry (seq, kind, principal, key_hash, fingerprint, data)
    VALUES ($1, 'wallets.spent', $2, $3, $4, $5)
)
INSERT INTO ledger_transfer (seq, leg, debit, credit, amount, debit_offset, credit_offset,
                             debit_after, credit_after)
VALUES ($1, 0, $6, $7, $8, $9, $10, $11, $12)
"""


async def make_peer(town: Town) -> None:
    """Copy the tenant's tables for the peer, and give the house account a running row."""
    async with town.services.db.connect() as tx:
        driver = tx.driver
        await driver.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
        await driver.execute(f"SET search_path TO {SCHEMA}")
        for table in ("journal_entry", "journal_key", "ledger_transfer", "ledger_account"):
            source = f"{town.schema}.{table}"
            await driver.execute(f"CREATE TABLE {table} (LIKE {source} INCLUDING ALL)")
            await driver.execute(f"INSERT INTO {table} SELECT * FROM {source}")
        await driver.execute(
            "CREATE UNIQUE INDEX ON ledger_transfer (debit, debit_offset) "
            "WHERE debit_offset IS NOT NULL; "
            "CREATE UNIQUE INDEX ON ledger_transfer (credit, credit_offset); "
            f"CREATE SEQUENCE spend_seq START {2**23}; "
            f"INSERT INTO ledger_account VALUES ({HOT}, 'house', '{GEM}', 'till', 0, 0, 0, 0)"
        )
        await driver.execute("VACUUM ANALYZE ledger_account, journal_entry, ledger_transfer")
        await driver.execute("RESET search_path")


async def spend_by_rows(town: Town, operations: int, rng: random.Random) -> float:
    """Let WRITERS spend for random players; return the seconds."""
    per_writer = operations // WRITERS
    began = perf_counter()
    await asyncio.gather(*(_write(town, per_writer, rng) for _ in range(WRITERS)))
    return perf_counter() - began


async def _write(town: Town, operations: int, rng: random.Random) -> None:
    async with town.services.db.connect() as tx:
        for _ in range(operations):
            await spend_once(tx.driver, rng.choice(town.players), os.urandom(16))


async def spend_once(driver: Any, player: str, key: bytes) -> tuple[int, int]:
    """Spend 5 coins in a transaction of its own; return the seq and the player's balance."""
    await driver.execute(_BEGIN)
    account = await driver.fetchrow(UPDATE_PLAYER, player, GEM, "free", 5)
    seq = await driver.fetchval(INSERT_KEY, key)
    total = await driver.fetchval(UPDATE_HOT, HOT, 5)
    await driver.execute(
        INSERT_ROWS, seq, WHO, key, os.urandom(32), _DATA, account[0], HOT, 5,
        account[1] - 5, total - 5, account[2], total,
    )  # fmt: skip
    await driver.execute("COMMIT")
    return seq, account[2]
