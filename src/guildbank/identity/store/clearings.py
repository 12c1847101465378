"""SQL by which an act takes all second factors from players and signs them out."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.identity.contracts.sign_in import OF_AN_ACCOUNT
from guildbank.identity.store.sessions import ENDED
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Rows, Statement

PROTECTED = """
SELECT player.id
FROM identity_player AS player
WHERE player.id = ANY($1::text[])
  AND (EXISTS (SELECT FROM identity_factor WHERE player_id = player.id)
       OR EXISTS (SELECT FROM identity_passkey WHERE player_id = player.id))
"""

DROP_TICKETS = """
DELETE FROM identity_ticket
WHERE player_id = ANY($1::text[])
  AND purpose = ANY($2::text[])
"""

# All workers hear of each player with the commit.
END_SESSIONS = f"""
UPDATE identity_session
SET ended_at = now()
WHERE player_id = ANY($1::text[])
  AND ended_at IS NULL
RETURNING pg_notify('{ENDED}', current_schema() || ' ' || player_id)
"""  # noqa: S608 - a constant

CLEARED = ("identity_factor", "identity_passkey", "identity_recovery_code")


class Protected:
    """Who has a second factor, by player; False takes all that there are."""

    order: ClassVar[int] = IDENTITY_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read who has one."""
        return Statement(PROTECTED, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, bool]:
        """Return True for each of them."""
        return {row[0]: True for row in rows}

    def saving(self, changed: Mapping[str, bool]) -> Sequence[Statement]:
        """Delete what they had, and end what rests on it."""
        players = [player_id for player_id, kept in changed.items() if not kept]
        return [
            *(
                Statement(f"DELETE FROM {table} WHERE player_id = ANY($1::text[])", (players,))  # noqa: S608
                for table in CLEARED
            ),
            Statement(DROP_TICKETS, (players, list(OF_AN_ACCOUNT))),
            Statement(END_SESSIONS, (players,)),
        ]


PROTECTIONS = Protected()
