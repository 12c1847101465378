"""Eight rival writers on one account, with the lock and the read apart or fused."""

import asyncio
from typing import NamedTuple

import asyncpg
from tests.economy import GEM, Economy

from guildbank.infra.database import Tx, begin_statement
from guildbank.journal import store
from guildbank.ledger import TRANSFERS, Transfer

WRITERS = 8
COMMITS = 50

READ = """
SELECT id, credited
FROM ledger_account
WHERE owner = $1
  AND bucket = 'free'
"""

# What a clever hand would write to save a round trip.
FUSED = """
SELECT account.id, account.credited
FROM ledger_account AS account, journal_lock
WHERE account.owner = $1
  AND account.bucket = 'free'
FOR NO KEY UPDATE OF journal_lock
"""

SAVE = """
UPDATE ledger_account
SET credited = $2
WHERE id = $1
"""

DROP_UNIQUE = """
DROP INDEX uq_ledger_transfer_p0_credit;
DROP INDEX uq_ledger_transfer_p0_debit;
"""


class Race(NamedTuple):
    """How many commits were told to be done, how many ended in an error, and the balance."""

    done: int
    errors: int
    balance: int


async def race(economy: Economy, *, fused: bool) -> Race:
    """Let each writer grant one coin COMMITS times, every grant in a transaction of its own."""
    player = await economy.player()
    await economy.grant(player, 1)
    ((issue,),) = await economy.sql("SELECT id FROM ledger_account WHERE bucket = 'issue'")
    done = errors = 0

    async def writer(number: int) -> None:
        nonlocal done, errors
        async with economy.db.connect() as tx:
            for turn in range(COMMITS):
                seq = 1_000 + number * COMMITS + turn
                try:
                    await _grant(tx, economy.schema, player, issue, seq, fused=fused)
                    done += 1
                except asyncpg.UniqueViolationError:
                    await tx.driver.execute("ROLLBACK")
                    errors += 1

    await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    ((balance,),) = await economy.sql(
        "SELECT credited FROM ledger_account WHERE owner = $1 AND asset = $2", player, GEM
    )
    return Race(done, errors, balance - 1)


async def _grant(tx: Tx, schema: str, player: str, issue: int, seq: int, *, fused: bool) -> None:
    await tx.driver.execute(begin_statement(schema))
    if fused:
        account, credited = await tx.driver.fetchrow(FUSED, player)
    else:
        await store.lock_journal(tx.driver)
        account, credited = await tx.driver.fetchrow(READ, player)
    total = credited + 1
    row = Transfer(seq, 0, issue, account, 1, seq, None, credited, -seq, total)
    await store.write_joined(tx.driver, [TRANSFERS.inserting([row])])
    await tx.driver.execute(SAVE, account, total)
    await tx.driver.execute("COMMIT")
