"""What wallets know of persons beside their coins."""

from guildbank.infra.room import Personal

# Plugins write into their notes what they like, of all players whose coins are moved at once.
FORGET_CHECKS = """
UPDATE wallets_check
SET answers = '[]'
WHERE seq IN (SELECT seq FROM wallets_check WHERE player = $1)
"""

PERSONAL = (
    Personal(
        "wallets_check",
        """
        SELECT seq, purpose, answers, at
        FROM wallets_check
        WHERE player = $1
        ORDER BY seq
        """,
        (FORGET_CHECKS,),
    ),
    Personal(
        "wallets_limit",
        "SELECT currency, per_day FROM wallets_limit WHERE player = $1 ORDER BY currency",
        kept="A number under the id of a player whom nobody knows any more.",
    ),
)
