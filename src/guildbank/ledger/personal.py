"""What the ledger knows of persons: numbers under a player's id, which an erasure leaves alone."""

from guildbank.infra.room import Obstacle, Personal

# Each branch is one of the partial indexes by account; every debit has one of the two offsets. An
# OR over both sides of the view read the whole log. What passed between two accounts of the player
# is told once.
TRANSFERS = """
WITH mine AS MATERIALIZED (
    SELECT id
    FROM ledger_account
    WHERE owner = $1
),
moved AS (
    SELECT transfer.*
    FROM mine
    JOIN ledger_transfer AS transfer
      ON transfer.debit = mine.id
     AND transfer.debit_offset IS NOT NULL
    UNION ALL
    SELECT transfer.*
    FROM mine
    JOIN ledger_transfer AS transfer
      ON transfer.debit = mine.id
     AND transfer.lot_offset IS NOT NULL
    UNION ALL
    SELECT transfer.*
    FROM mine
    JOIN ledger_transfer AS transfer
      ON transfer.credit = mine.id
    WHERE NOT EXISTS (SELECT FROM mine AS other WHERE other.id = transfer.debit)
)
SELECT moved.seq, debit.asset, moved.amount, debit.owner AS debit_owner,
       debit.bucket AS debit_bucket, credit.owner AS credit_owner, credit.bucket AS credit_bucket
FROM moved
JOIN ledger_account AS debit ON debit.id = moved.debit
JOIN ledger_account AS credit ON credit.id = moved.credit
ORDER BY moved.seq, moved.leg
"""

PERSONAL = (
    Personal(
        "ledger_account",
        """
        SELECT asset, bucket, credited, spent, clawed, held, frozen
        FROM ledger_account
        WHERE owner = $1
        ORDER BY asset, bucket
        """,
        kept="Books are kept. What a freeze was for goes in the erasure's commit.",
    ),
    Personal(
        "ledger_transfer",
        TRANSFERS,
        kept="Books are kept.",
    ),
    Personal(
        "ledger_hold",
        """
        SELECT asset, amount, captured, released, state, placed_at, expires_at
        FROM ledger_hold
        WHERE owner = $1
        ORDER BY seq
        """,
        kept="Books are kept.",
    ),
)

OBSTACLES = (
    Obstacle(
        "open_hold",
        "Coins are held; capture or release them.",
        """
        SELECT DISTINCT owner
        FROM ledger_hold
        WHERE owner = ANY($1::text[])
          AND state = 'open'
        """,
    ),
)
