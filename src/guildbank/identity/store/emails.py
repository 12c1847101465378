"""SQL of e-mail addresses: who claims one, who confirmed it, and who loses it by that."""

from datetime import datetime

import msgspec

from guildbank.identity.contracts.players import Email, PlayerState
from guildbank.journal import Driver

HOLDER = """
SELECT player.id, player.state, email.id, email.address, email.canonical, profile.locale,
       username.name
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
       username.name, email.confirmed_at IS NOT NULL
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
SET confirmed_at = coalesce(confirmed_at, $2)
WHERE id = $1
"""

ADD_CONFIRMED = """
INSERT INTO identity_email (id, player_id, address, canonical, confirmed_at)
VALUES ($1, $2, $3, $4, $5)
"""

DROP_OTHERS = """
DELETE FROM identity_email
WHERE player_id = $1
  AND id <> $2
"""

# Who claimed the address without confirming it loses the claim and the password.
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


# What a thief may have taken or added since the time $2. Codes that replace a lost factor go too:
# the owner makes new ones.
EXPEL = (
    "DELETE FROM identity_password WHERE player_id = $1 AND $2::timestamptz IS NOT NULL",
    "DELETE FROM identity_factor WHERE player_id = $1 AND created_at >= $2",
    "DELETE FROM identity_passkey WHERE player_id = $1 AND created_at >= $2",
    "DELETE FROM identity_external WHERE player_id = $1 AND linked_at >= $2",
    "DELETE FROM identity_guest WHERE player_id = $1 AND $2::timestamptz IS NOT NULL",
    "DELETE FROM identity_recovery_code WHERE player_id = $1 AND $2::timestamptz IS NOT NULL",
)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A player with the address by which mail reaches them, if there is one."""

    player_id: str
    state: PlayerState
    email_id: str | None
    email: Email | None
    locale: str | None
    username: str | None
    confirmed: bool

    @property
    def words(self) -> list[str]:
        """Return what a guesser of the player's password would try first."""
        return [word for word in (self.username, self.email and self.email.address) if word]


async def holder(driver: Driver, canonical: str) -> Holder | None:
    """Return who confirmed the address."""
    row = await driver.fetchrow(HOLDER, canonical)
    return None if row is None else _holder((*row, True))


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


async def confirm(driver: Driver, email_id: str, now: datetime) -> None:
    """Make a claim a confirmed address."""
    await driver.execute(CONFIRM, email_id, now)


async def replace(
    driver: Driver, player_id: str, email_id: str, email: Email, now: datetime
) -> None:
    """Give the player one confirmed address, in place of all others."""
    await driver.execute(DROP_OTHERS, player_id, email_id)
    await driver.execute(ADD_CONFIRMED, email_id, player_id, email.address, email.canonical, now)


async def expel(driver: Driver, player_id: str, since: datetime) -> None:
    """Take the password, the codes, and all ways in that came since then from the player."""
    for statement in EXPEL:
        await driver.execute(statement, player_id, since)


async def strip(driver: Driver, canonical: str, player_id: str) -> list[str]:
    """Take an address from all who only claimed it, with their passwords; return whom."""
    return [row[0] for row in await driver.fetch(STRIP, canonical, player_id)]


def _holder(row: tuple[object, ...]) -> Holder:
    player_id, state, email_id, address, canonical, locale, username, confirmed = row
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
        },
        Holder,
        from_attributes=True,
    )
