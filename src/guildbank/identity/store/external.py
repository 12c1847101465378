"""SQL of accounts elsewhere: shelves for acts, and the reads of signing in by one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from guildbank.identity.contracts.external import ExternalLink, WaysIn
from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

_COLUMNS = "key, id, player_id, provider, issuer, subject, linked_at, vouched_for"

LINKS_BY_KEY = f"""
SELECT {_COLUMNS}
FROM identity_external
WHERE key = ANY($1::bytea[])
"""  # noqa: S608 - names of our own columns

# An account may be unlinked and linked anew within one batch.
SAVE_LINKS = f"""
INSERT INTO identity_external ({_COLUMNS})
SELECT *
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::timestamptz[], $8::text[])
ON CONFLICT (key) DO UPDATE
SET id = EXCLUDED.id,
    player_id = EXCLUDED.player_id,
    provider = EXCLUDED.provider,
    linked_at = EXCLUDED.linked_at,
    vouched_for = EXCLUDED.vouched_for
"""  # noqa: S608 - names of our own columns

UNLINK = """
DELETE FROM identity_external
WHERE key = ANY($1::bytea[])
"""

WAYS_IN = """
SELECT player.id,
       EXISTS (SELECT 1 FROM identity_password WHERE player_id = player.id),
       EXISTS (
           SELECT 1
           FROM identity_email
           WHERE player_id = player.id
             AND confirmed_at IS NOT NULL
       ),
       EXISTS (SELECT 1 FROM identity_guest WHERE player_id = player.id),
       EXISTS (SELECT 1 FROM identity_username WHERE player_id = player.id),
       link.key, link.id, link.player_id, link.provider, link.issuer, link.subject, link.linked_at,
       link.vouched_for
FROM identity_player AS player
LEFT JOIN identity_external AS link ON link.player_id = player.id
WHERE player.id = ANY($1::text[])
ORDER BY player.id, link.id
"""

LINKS_OF_PLAYER = f"""
SELECT {_COLUMNS}
FROM identity_external
WHERE player_id = $1
ORDER BY id
"""  # noqa: S608 - names of our own columns

# Of two accounts with one issuer the one that was linked last.
SUBJECT_OF_PLAYER = """
SELECT subject
FROM identity_external
WHERE player_id = $1
  AND issuer = $2
ORDER BY linked_at DESC, id DESC
LIMIT 1
"""

PLAYER_OF_KEY = """
SELECT player.id, player.state, player.credentials
FROM identity_external AS link
JOIN identity_player AS player ON player.id = link.player_id
WHERE link.key = $1
"""

CONFIRMED_ADDRESS = """
SELECT address, canonical
FROM identity_email
WHERE player_id = $1
  AND canonical = $2
  AND confirmed_at IS NOT NULL
"""

ENTRANT = """
SELECT id, state, credentials
FROM identity_player
WHERE id = $1
"""

# Of two that come with one proof, one finds it taken.
TAKE_ONCE = """
INSERT INTO identity_once (key, until)
VALUES ($1, $2)
ON CONFLICT (key) DO NOTHING
"""

FORGET_ONCE = """
DELETE FROM identity_once
WHERE key IN (
    SELECT key
    FROM identity_once
    WHERE until <= $1
    LIMIT $2
)
"""


class Links:
    """Accounts elsewhere by the hash of issuer and subject; None unlinks one."""

    order: ClassVar[int] = IDENTITY_ORDER + 1
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[bytes]) -> Statement:
        """Read those that are somebody's."""
        return Statement(LINKS_BY_KEY, (keys,))

    def read(self, keys: Sequence[bytes], rows: Rows) -> Mapping[bytes, ExternalLink | None]:
        """Return them by key."""
        return {one.key: one for one in map(_link, rows)}

    def saving(self, changed: Mapping[bytes, ExternalLink | None]) -> Sequence[Statement]:
        """Insert what was linked and delete what was unlinked."""
        linked = [one for one in changed.values() if one is not None]
        gone = [key for key, one in changed.items() if one is None]
        rows = [
            (
                one.key,
                one.id,
                one.player_id,
                one.provider,
                one.issuer,
                one.subject,
                one.linked_at,
                one.vouched_for,
            )
            for one in linked
        ]
        saved = [Statement(SAVE_LINKS, tuple(zip(*rows, strict=True)))] if rows else []
        return [*saved, Statement(UNLINK, (gone,))] if gone else saved


class Ways:
    """By what players can sign in, by player; the shelves of each way do the writing."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the ways of the players that exist."""
        return Statement(WAYS_IN, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, WaysIn]:
        """Return the ways by player; a row is one account elsewhere, or says that there is none."""
        links: dict[str, list[ExternalLink]] = {}
        own: dict[str, WaysIn] = {}
        for player_id, password, address, guest, username, *link in rows:
            own[player_id] = WaysIn(
                password=password, guest=guest, username=username, address=address
            )
            links.setdefault(player_id, []).extend([_link(link)] if link[0] is not None else ())
        return {
            player_id: msgspec.structs.replace(ways, links=tuple(links[player_id]))
            for player_id, ways in own.items()
        }

    def saving(self, changed: Mapping[str, WaysIn]) -> Sequence[Statement]:
        """Write nothing: this shelf follows from others."""
        return ()


LINKS = Links()
WAYS = Ways()


async def links_of(driver: Driver, player_id: str) -> list[ExternalLink]:
    """Return the accounts elsewhere that the player linked, oldest first."""
    return [_link(row) for row in await driver.fetch(LINKS_OF_PLAYER, player_id)]


async def player_of(driver: Driver, key: bytes) -> Entrant | None:
    """Return whose an account elsewhere is."""
    row = await driver.fetchrow(PLAYER_OF_KEY, key)
    return None if row is None else Entrant(*row)


async def confirmed_address(driver: Driver, player_id: str, canonical: str) -> Email | None:
    """Return the address as the player wrote it, if it is theirs and confirmed still."""
    row = await driver.fetchrow(CONFIRMED_ADDRESS, player_id, canonical)
    return None if row is None else Email(row[0], row[1])


async def entrant(driver: Driver, player_id: str) -> Entrant | None:
    """Return the player as they are now."""
    row = await driver.fetchrow(ENTRANT, player_id)
    return None if row is None else Entrant(*row)


async def take_once(driver: Driver, key: bytes, until: datetime) -> bool:
    """Say whether this is the first time; the caller's commit makes it the last."""
    return str(await driver.execute(TAKE_ONCE, key, until)).endswith(" 1")


async def forget_once(driver: Driver, now: datetime, at_once: int) -> int:
    """Delete what cannot come again, at most so many; return how many."""
    return int((await driver.execute(FORGET_ONCE, now, at_once)).split()[-1])


def _link(row: Sequence[Any]) -> ExternalLink:
    return ExternalLink(
        key=bytes(row[0]),
        id=row[1],
        player_id=row[2],
        provider=row[3],
        issuer=row[4],
        subject=row[5],
        linked_at=row[6],
        vouched_for=row[7],
    )


async def account_elsewhere(driver: Driver, player_id: str, issuer: str) -> str | None:
    """Return what an issuer calls the player's account there, None where the player has none."""
    found: str | None = await driver.fetchval(SUBJECT_OF_PLAYER, player_id, issuer)
    return found
