"""The shelf of when a player's password or address was changed last: a thief's first steps."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Rows, Statement

READ = """
SELECT player_id, max(at)
FROM (
    SELECT player_id, set_at AS at
    FROM identity_password
    WHERE player_id = ANY($1::text[])
    UNION ALL
    SELECT player_id, confirmed_at
    FROM identity_email
    WHERE player_id = ANY($1::text[])
      AND confirmed_at IS NOT NULL
) AS change
GROUP BY player_id
"""


class Changes:
    """The newest change by player; read only, for identity changes them outside the journal."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the times."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, datetime]:
        """Return the times by player, none for who has neither."""
        return {row[0]: row[1] for row in rows}

    def saving(self, changed: Mapping[str, datetime]) -> Sequence[Statement]:
        """Refuse: nobody says when something was changed."""
        raise TypeError("when a credential was changed is read only")


CREDENTIAL_CHANGES = Changes()
