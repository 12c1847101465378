"""SQL of e-mail addresses: who claims one, who confirmed it, and who loses it by that."""

from datetime import datetime

import msgspec

from guildbank.identity.contracts.players import Email, PlayerState
from guildbank.journal import Driver

HOLDER = """
SELECT player.id, player.state, email.id, email.address, email.canonical, profile.locale,
       username.name, TRUE, email.owned_at IS NOT NULL
FROM identity_email AS email
JOIN identity_player AS player ON player.id = email.player_id
LEFT JOIN identity_profile AS profile ON profile.player_id = player.id
LEFT JOIN identity_username AS username ON username.player_id = player.id
WHERE email.canonical = $1
  AND email.confirmed_at IS NOT NULL
"""

# The confirmed address, else the one that was claimed last.
OWN = """
SELECT player.id, player.state, email.id, email.address, email.canonical, profile.locale,
       username.name, email.confirmed_at IS NOT NULL, email.owned_at IS NOT NULL
FROM identity_player AS player
LEFT JOIN identity_profile AS profile ON profile.player_id = player.id
LEFT JOIN identity_username AS username ON username.player_id = player.id
LEFT JOIN identity_email AS email ON email.player_id = player.id
WHERE player.id = $1
ORDER BY email.confirmed_at IS NULL, email.id DESC
LIMIT 1
"""

# Two who confirm one address take turns; without this each would wait for the other's claim.
LOCK_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || $1, 41))"

CLAIM = """
SELECT canonical
FROM identity_email
WHERE id = $1
  AND player_id = $2
"""

CONFIRM = """
UPDATE identity_email
SET confirmed_at = coalesce(confirmed_at, $2),
    owned_at = CASE WHEN $3 THEN coalesce(owned_at, $2) ELSE owned_at END
WHERE id = $1
"""

ADD_CONFIRMED = """
INSERT INTO identity_email (id, player_id, address, canonical, confirmed_at, owned_at)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN $5::timestamptz END)
"""

DROP_OTHERS = """
DELETE FROM identity_email
WHERE player_id = $1
  AND id <> $2
"""

# All whom a confirmation may change, in one order, so that no two of them wait for each other.
LOCK_CLAIMANTS = """
SELECT id, state
FROM identity_player
WHERE id IN (SELECT player_id FROM identity_email WHERE canonical = $1 UNION SELECT $2)
ORDER BY id
FOR NO KEY UPDATE
"""

OWNED = """
UPDATE identity_email
SET owned_at = coalesce(owned_at, $2)
WHERE player_id = $1
  AND confirmed_at IS NOT NULL
"""

# The first claim signs in, and the newest may be the owner's: those between them are of robots.
DROP_CROWD = """
DELETE FROM identity_email
WHERE id IN (
    SELECT id
    FROM (
        SELECT id,
               row_number() OVER (ORDER BY id) AS from_oldest,
               row_number() OVER (ORDER BY id DESC) AS from_newest
        FROM identity_email
        WHERE canonical = $1
          AND confirmed_at IS NULL
    ) AS claim
    WHERE from_oldest > 1
      AND from_newest > $2
)
"""

# Who claimed the address without confirming it loses the claim, and the password that was set
# beside it: whoever knows it may have made the account to wait in it for the address's owner.
STRIP = """
WITH stripped AS (
    DELETE FROM identity_email
    WHERE canonical = $1
      AND player_id <> $2
      AND confirmed_at IS NULL
    RETURNING player_id
),
locked_out AS (
    DELETE FROM identity_password
    WHERE player_id IN (SELECT player_id FROM stripped)
)
SELECT DISTINCT player_id
FROM stripped
"""


# What a thief may have added since the time $2, none meaning ever. An account elsewhere stays that
# vouches for the same address $3. Codes that replace a lost factor go too: new ones are made.
EXPEL = """
WITH since AS (
    SELECT coalesce($2::timestamptz, '-infinity') AS at
),
factor AS (
    DELETE FROM identity_factor
    WHERE player_id = $1
      AND created_at >= (SELECT at FROM since)
    RETURNING 1
),
passkey AS (
    DELETE FROM identity_passkey
    WHERE player_id = $1
      AND created_at >= (SELECT at FROM since)
    RETURNING 1
),
link AS (
    DELETE FROM identity_external
    WHERE player_id = $1
      AND linked_at >= (SELECT at FROM since)
      AND vouched_for IS DISTINCT FROM $3
    RETURNING 1
),
guest AS (
    DELETE FROM identity_guest
    WHERE player_id = $1
    RETURNING 1
),
code AS (
    DELETE FROM identity_recovery_code
    WHERE player_id = $1
    RETURNING 1
)
SELECT count(*)
FROM (
    SELECT FROM factor
    UNION ALL SELECT FROM passkey
    UNION ALL SELECT FROM link
    UNION ALL SELECT FROM guest
    UNION ALL SELECT FROM code
) AS gone
"""

END_PASSWORD = """
DELETE FROM identity_password
WHERE player_id = $1
"""  # noqa: S105 - a statement


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A player with the address by which mail reaches them, if there is one.

    It is `owned` once who reads its mail was seen inside the account too: until then another may
    have made the account for them and have left a way in.
    """

    player_id: str
    state: PlayerState
    email_id: str | None
    email: Email | None
    locale: str | None
    username: str | None
    confirmed: bool
    owned: bool

    @property
    def words(self) -> list[str]:
        """Return what a guesser of the player's password would try first."""
        return [word for word in (self.username, self.email and self.email.address) if word]


async def holder(driver: Driver, canonical: str) -> Holder | None:
    """Return who confirmed the address."""
    row = await driver.fetchrow(HOLDER, canonical)
    return None if row is None else _holder(tuple(row))


async def own(driver: Driver, player_id: str) -> Holder | None:
    """Return the player with the confirmed address, or the newest claimed one, or none."""
    row = await driver.fetchrow(OWN, player_id)
    return None if row is None else _holder(tuple(row))


async def lock_address(driver: Driver, canonical: str) -> None:
    """Wait for the right to decide whose the address is, until this transaction ends."""
    await driver.execute(LOCK_ADDRESS, canonical)


async def claim(driver: Driver, email_id: str, player_id: str) -> str | None:
    """Return the address, in the form that is compared, of a claim that still stands."""
    canonical: str | None = await driver.fetchval(CLAIM, email_id, player_id)
    return canonical


async def lock_claimants(driver: Driver, canonical: str, player_id: str) -> bool:
    """Let nobody else change this player and who else gave the address; False for one erased."""
    held = await driver.fetch(LOCK_CLAIMANTS, canonical, player_id)
    return any(row[0] == player_id and row[1] != "erased" for row in held)


async def confirm(driver: Driver, email_id: str, now: datetime, *, owned: bool) -> None:
    """Make a claim a confirmed address."""
    await driver.execute(CONFIRM, email_id, now, owned)


async def own_it(driver: Driver, player_id: str, now: datetime) -> None:
    """Note that who reads the mail of the confirmed address is inside the account."""
    await driver.execute(OWNED, player_id, now)


async def drop_crowd(driver: Driver, canonical: str, keep: int) -> None:
    """Forget claims of an address, but the first one and the newest `keep`."""
    await driver.execute(DROP_CROWD, canonical, keep)


async def replace(
    driver: Driver, player_id: str, email_id: str, email: Email, now: datetime, *, owned: bool
) -> None:
    """Give the player one confirmed address, in place of all others."""
    await driver.execute(DROP_OTHERS, player_id, email_id)
    values = (email_id, player_id, email.address, email.canonical, now, owned)
    await driver.execute(ADD_CONFIRMED, *values)


async def expel(
    driver: Driver, player_id: str, since: datetime | None, vouched_for: str | None
) -> bool:
    """Take all ways in that came since then, and recovery codes, but not the password.

    Without a time, all that ever came; an account elsewhere stays that vouches for this address.
    Says whether there was anything.
    """
    return bool(await driver.fetchval(EXPEL, player_id, since, vouched_for))


async def drop_password(driver: Driver, player_id: str) -> None:
    """Take the password."""
    await driver.execute(END_PASSWORD, player_id)


async def strip(driver: Driver, canonical: str, player_id: str) -> list[str]:
    """Take an address from all who only claimed it, and the password of who has no user name.

    Returns whom it was taken from.
    """
    return [row[0] for row in await driver.fetch(STRIP, canonical, player_id)]


def _holder(row: tuple[object, ...]) -> Holder:
    player_id, state, email_id, address, canonical, locale, username, confirmed, owned = row
    email = None if email_id is None else Email(address=str(address), canonical=str(canonical))
    return msgspec.convert(
        {
            "player_id": player_id,
            "state": state,
            "email_id": email_id,
            "email": email,
            "locale": locale,
            "username": username,
            "confirmed": confirmed,
            "owned": owned,
        },
        Holder,
        from_attributes=True,
    )
