"""SQL of what players register and sign in with: names, addresses, passwords, profiles."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from guildbank.identity.contracts.players import Account, Profile
from guildbank.identity.contracts.sign_in import Candidate, Entrant
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, PutOnly, Rows, Statement

HOLDERS_OF_NAMES = """
SELECT skeleton, player_id
FROM identity_username
WHERE skeleton = ANY($1::text[])
"""

ADD_USERNAMES = """
INSERT INTO identity_username (skeleton, name, player_id)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[])
"""

# A player who came as a guest or from elsewhere may have a profile before an account.
ADD_PROFILES = """
INSERT INTO identity_profile AS known (player_id, locale, country)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (player_id) DO UPDATE
SET locale = coalesce(EXCLUDED.locale, known.locale),
    country = coalesce(EXCLUDED.country, known.country)
"""

# What another system confirmed came with its account: nobody can have been there before.
ADD_EMAILS = """
INSERT INTO identity_email (id, player_id, address, canonical, confirmed_at, owned_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $5::timestamptz[])
"""

HOLDERS_OF_ADDRESSES = """
SELECT canonical, player_id
FROM identity_email
WHERE canonical = ANY($1::text[])
  AND confirmed_at IS NOT NULL
"""

ADD_PASSWORDS = """
INSERT INTO identity_password (player_id, hash)
SELECT *
FROM unnest($1::text[], $2::text[])
"""

SET_HASH = """
INSERT INTO identity_password (player_id, hash, set_at)
VALUES ($1, $2, $3)
ON CONFLICT (player_id) DO UPDATE
SET hash = EXCLUDED.hash,
    set_at = EXCLUDED.set_at
"""

# Hashed anew at sign-in, unless the player has changed the password meanwhile.
RENEW_HASH = """
UPDATE identity_password
SET hash = $3
WHERE player_id = $1
  AND hash = $2
"""

CANDIDATE_BY_NAME = """
SELECT player.id, player.state, player.credentials, password.hash
FROM identity_username AS username
JOIN identity_player AS player ON player.id = username.player_id
JOIN identity_password AS password ON password.player_id = player.id
WHERE username.skeleton = $1
  AND username.name = $2
"""

# Of those who claimed an address and never confirmed it, the first one: else whoever claims it
# later would lock out a player who has not confirmed yet.
CANDIDATES_BY_EMAIL = """
SELECT DISTINCT ON (email.confirmed_at IS NULL)
       player.id, player.state, player.credentials, password.hash,
       email.confirmed_at IS NOT NULL AS confirmed
FROM identity_email AS email
JOIN identity_player AS player ON player.id = email.player_id
JOIN identity_password AS password ON password.player_id = player.id
WHERE email.canonical = $1
ORDER BY email.confirmed_at IS NULL, email.id
"""

# By an index that holds imported hashes alone: their number falls as their players sign in.
GREATEST_BCRYPT_COST = """
SELECT max(substr(hash, 5, 2))
FROM identity_password
WHERE hash LIKE '$2%'
"""

HASH_OF = """
SELECT hash
FROM identity_password
WHERE player_id = $1
"""

PROFILE = """
SELECT player.id, player.state, username.name, email.address,
       email.confirmed_at IS NOT NULL, profile.locale, profile.country,
       profile.age_confirmed_at, player.created_at
FROM identity_player AS player
LEFT JOIN identity_profile AS profile ON profile.player_id = player.id
LEFT JOIN identity_username AS username ON username.player_id = player.id
LEFT JOIN LATERAL (
    SELECT address, confirmed_at
    FROM identity_email
    WHERE player_id = player.id
    ORDER BY confirmed_at IS NULL, id DESC
    LIMIT 1
) AS email ON TRUE
WHERE player.id = $1
"""


class Holders:
    """Who has a handle, by the form in which it is unique; `Accounts` does the writing."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = True

    def __init__(self, statement: str) -> None:
        self._statement = statement

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the handles that are taken."""
        return Statement(self._statement, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, str]:
        """Return the players by handle."""
        return {row[0]: row[1] for row in rows}

    def saving(self, changed: Mapping[str, str]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


class Accounts(PutOnly):
    """What players registered with, by player; written after the player's own row."""

    order: ClassVar[int] = IDENTITY_ORDER + 1

    def saving(self, changed: Mapping[str, Account]) -> Sequence[Statement]:
        """Insert the parts that each account has."""
        accounts = list(changed.values())
        names = [
            (one.username.skeleton, one.username.name, one.player_id)
            for one in accounts
            if one.username is not None
        ]
        emails = [
            (
                one.email_id,
                one.player_id,
                one.email.address,
                one.email.canonical,
                one.email_confirmed_at,
            )
            for one in accounts
            if one.email is not None
        ]
        passwords = [(one.player_id, one.password_hash) for one in accounts if one.password_hash]
        profiles = [(one.player_id, one.locale, one.country) for one in accounts]
        return [
            Statement(text, tuple(zip(*rows, strict=True)))
            for text, rows in (
                (ADD_PROFILES, profiles),
                (ADD_USERNAMES, names),
                (ADD_EMAILS, emails),
                (ADD_PASSWORDS, passwords),
            )
            if rows
        ]


USERNAMES = Holders(HOLDERS_OF_NAMES)
CONFIRMED = Holders(HOLDERS_OF_ADDRESSES)
ACCOUNTS = Accounts()


async def candidate_by_name(driver: Driver, skeleton: str, name: str) -> Candidate | None:
    """Return the player of this user name, if the player has a password."""
    row = await driver.fetchrow(CANDIDATE_BY_NAME, skeleton, name)
    return None if row is None else Candidate(Entrant(*row[:3]), row[3])


async def candidates_by_email(
    driver: Driver, canonical: str
) -> tuple[Candidate | None, Candidate | None]:
    """Return who confirmed the address, and who claimed it first without confirming it."""
    confirmed = claimed = None
    for row in await driver.fetch(CANDIDATES_BY_EMAIL, canonical):
        found = Candidate(Entrant(*row[:3]), row[3])
        if row[4]:
            confirmed = found
        else:
            claimed = found
    return confirmed, claimed


async def greatest_bcrypt_cost(driver: Driver) -> int | None:
    """Return the cost of the slowest imported hash, None where none is left."""
    found: str | None = await driver.fetchval(GREATEST_BCRYPT_COST)
    return None if found is None else int(found)


async def password_of(driver: Driver, player_id: str) -> str | None:
    """Return the hash of the player's password, if there is one."""
    hash_: str | None = await driver.fetchval(HASH_OF, player_id)
    return hash_


async def set_password(driver: Driver, player_id: str, hash_: str, now: datetime) -> None:
    """Give the player a password, in place of any earlier one."""
    await driver.execute(SET_HASH, player_id, hash_, now)


async def renew_password(driver: Driver, player_id: str, before: str, after: str) -> None:
    """Keep the same password under a newer hash."""
    await driver.execute(RENEW_HASH, player_id, before, after)


async def read_profile(driver: Driver, player_id: str) -> Profile | None:
    """Return what is known of a player."""
    row = await driver.fetchrow(PROFILE, player_id)
    if row is None:
        return None
    return Profile(
        player_id=row[0],
        state=row[1],
        username=row[2],
        email=row[3],
        email_confirmed=row[4],
        locale=row[5],
        country=row[6],
        age_confirmed_at=row[7],
        created_at=row[8],
    )
