"""SQL of profiles: what a player or the tenant's people change of them."""

from datetime import datetime

import msgspec

from guildbank.journal import Driver

# Absent until it is needed: players whom the game added have none. Whoever is erased meanwhile
# gets none either.
ENSURE = """
INSERT INTO identity_profile (player_id)
SELECT id
FROM identity_player
WHERE id = $1
  AND state <> 'erased'
FOR SHARE
ON CONFLICT (player_id) DO UPDATE
SET player_id = EXCLUDED.player_id
RETURNING country
"""

CHANGE = """
UPDATE identity_profile
SET locale = CASE WHEN $2 THEN $3 ELSE locale END,
    country = CASE WHEN $4 THEN $5 ELSE country END
WHERE player_id = $1
"""

CONFIRM_AGE = """
UPDATE identity_profile
SET age_confirmed_at = $2, age_method = $3, age_confirmed_by = $4
WHERE player_id = $1
"""

AGE = """
SELECT age_confirmed_at, age_method, age_confirmed_by
FROM identity_profile
WHERE player_id = $1
  AND age_confirmed_at IS NOT NULL
"""


class AgeConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody made sure that the player is of age: when, how, and who says so."""

    at: datetime
    method: str
    by: str | None


class Known(msgspec.Struct, frozen=True):
    """That there is a player who may have a profile, and the country in it."""

    country: str | None


async def ensure(driver: Driver, player_id: str) -> Known | None:
    """Make the profile if there is none and lock it; None if the player is unknown or erased."""
    row = await driver.fetchrow(ENSURE, player_id)
    return None if row is None else Known(row[0])


async def change(driver: Driver, player_id: str, given: dict[str, str | None]) -> None:
    """Set what is given of locale and country."""
    locale, country = given.get("locale"), given.get("country")
    await driver.execute(CHANGE, player_id, "locale" in given, locale, "country" in given, country)


async def confirm_age(driver: Driver, player_id: str, age: AgeConfirmation | None) -> None:
    """Keep that the player is of age, or with None that nobody knows."""
    values = (None, None, None) if age is None else (age.at, age.method, age.by)
    await driver.execute(CONFIRM_AGE, player_id, *values)


async def age_of(driver: Driver, player_id: str) -> AgeConfirmation | None:
    """Return how the player's age was confirmed."""
    row = await driver.fetchrow(AGE, player_id)
    return None if row is None else AgeConfirmation(at=row[0], method=row[1] or "", by=row[2])
