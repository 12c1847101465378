"""What the ledger knows of persons: numbers under a player's id, which an erasure leaves alone."""

from guildbank.infra.room import Obstacle, Personal

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
        """
        SELECT seq, asset, amount, debit_owner, debit_bucket, credit_owner, credit_bucket
        FROM ledger_v_transfer
        WHERE debit_owner = $1
           OR credit_owner = $1
        ORDER BY seq, leg
        """,
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
