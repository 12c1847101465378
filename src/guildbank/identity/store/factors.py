"""SQL of second factors: authenticator apps, codes by mail, recovery codes, passkeys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from guildbank.identity.contracts.factors import FactorKind, Factors, Passkey, StoredPasskey
from guildbank.identity.contracts.sign_in import Purpose
from guildbank.journal import Driver

FACTORS = """
SELECT player.state,
       coalesce(username.name, email.address, player.id),
       EXISTS (
           SELECT FROM identity_factor WHERE player_id = player.id AND kind = 'totp'
       ),
       EXISTS (
           SELECT FROM identity_factor WHERE player_id = player.id AND kind = 'mailed_code'
       ),
       passkey.usable,
       passkey.lost,
       (SELECT count(*) FROM identity_recovery_code WHERE player_id = player.id),
       email.address,
       profile.locale,
       EXISTS (SELECT FROM identity_session WHERE player_id = player.id),
       email.owned_at IS NOT NULL
FROM identity_player AS player
LEFT JOIN identity_profile AS profile ON profile.player_id = player.id
LEFT JOIN identity_username AS username ON username.player_id = player.id
LEFT JOIN LATERAL (
    SELECT address, owned_at
    FROM identity_email
    WHERE player_id = player.id
      AND confirmed_at IS NOT NULL
    ORDER BY id DESC
    LIMIT 1
) AS email ON TRUE
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE rp_id = $2) AS usable,
           count(*) FILTER (WHERE rp_id IS DISTINCT FROM $2) AS lost
    FROM identity_passkey
    WHERE player_id = player.id
) AS passkey
WHERE player.id = $1
"""

ADD_FACTOR = """
INSERT INTO identity_factor (player_id, kind, sealed, last_step, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING kind
"""

REMOVE_FACTOR = """
DELETE FROM identity_factor
WHERE player_id = $1
  AND kind = $2
RETURNING kind
"""

SEALED_TOTP = """
SELECT sealed
FROM identity_factor
WHERE player_id = $1
  AND kind = 'totp'
"""

# Of two that come with the code of one step, one finds it taken.
TAKE_STEP = """
UPDATE identity_factor
SET last_step = $3
WHERE player_id = $1
  AND kind = 'totp'
  AND sealed = $2
  AND last_step < $3
RETURNING last_step
"""

ADD_RECOVERY_CODES = """
INSERT INTO identity_recovery_code (player_id, hash)
SELECT $1, *
FROM unnest($2::bytea[])
"""

TAKE_RECOVERY_CODE = """
DELETE FROM identity_recovery_code
WHERE player_id = $1
  AND hash = $2
RETURNING hash
"""

DROP_RECOVERY_CODES = """
DELETE FROM identity_recovery_code
WHERE player_id = $1
"""

COUNT_RECOVERY_CODES = """
SELECT count(*)
FROM identity_recovery_code
WHERE player_id = $1
"""

# Codes that nothing is left to stand in for are of no use.
DROP_IDLE_RECOVERY_CODES = """
DELETE FROM identity_recovery_code
WHERE player_id = $1
  AND NOT EXISTS (SELECT FROM identity_factor WHERE player_id = $1)
  AND NOT EXISTS (SELECT FROM identity_passkey WHERE player_id = $1)
"""

ADD_PASSKEY = """
INSERT INTO identity_passkey
    (id, player_id, credential_id, public_key, sign_count, rp_id, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING id
"""

PASSKEYS = """
SELECT id, name, rp_id, created_at, last_used_at, rp_id IS NOT DISTINCT FROM $2
FROM identity_passkey
WHERE player_id = $1
ORDER BY id
"""

CREDENTIALS = """
SELECT credential_id
FROM identity_passkey
WHERE player_id = $1
  AND rp_id = $2
ORDER BY id
"""

PASSKEY = """
SELECT passkey.id, player_id, credential_id, public_key, sign_count, rp_id, player.credentials
FROM identity_passkey AS passkey
JOIN identity_player AS player ON player.id = player_id
WHERE credential_id = $1
"""

# An authenticator without a counter says 0 each time; any other must have counted on.
COUNT_USE = """
UPDATE identity_passkey
SET sign_count = $2,
    last_used_at = $3
WHERE id = $1
  AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
RETURNING id
"""

RENAME_PASSKEY = """
UPDATE identity_passkey
SET name = $3
WHERE player_id = $1
  AND id = $2
RETURNING id
"""

REMOVE_PASSKEY = """
DELETE FROM identity_passkey
WHERE player_id = $1
  AND id = $2
RETURNING id
"""

NEWEST_TICKET = """
SELECT max(expires_at)
FROM identity_ticket
WHERE player_id = $1
  AND purpose = $2
"""

HASH_TO_MEET = """
SELECT hash
FROM identity_password
WHERE player_id = $1
"""


async def read(driver: Driver, player_id: str, rp_id: str | None) -> Factors | None:
    """Return what the player has, with passkeys of this relying party told from others."""
    row = await driver.fetchrow(FACTORS, player_id, rp_id)
    if row is None:
        return None
    return Factors(
        player_id=player_id,
        state=row[0],
        label=row[1],
        totp=row[2],
        mailed_code=row[3],
        passkeys=row[4],
        lost_passkeys=row[5],
        recovery_codes=row[6],
        address=row[7],
        locale=row[8],
        returning=row[9],
        owned=row[10],
    )


async def add_totp(driver: Driver, player_id: str, sealed: bytes, step: int, now: datetime) -> bool:
    """Take an authenticator app into use whose code of `step` was just shown; False if one is."""
    row = await driver.fetchrow(ADD_FACTOR, player_id, "totp", sealed, step, now)
    return row is not None


async def add_mailed_code(driver: Driver, player_id: str, now: datetime) -> bool:
    """Ask the player for mailed codes from now on; False if that is so already."""
    row = await driver.fetchrow(ADD_FACTOR, player_id, "mailed_code", None, None, now)
    return row is not None


async def remove_factor(driver: Driver, player_id: str, kind: FactorKind) -> bool:
    """Remove an authenticator app or codes by mail; say whether there was one."""
    return await driver.fetchrow(REMOVE_FACTOR, player_id, kind) is not None


async def totp_secret(driver: Driver, player_id: str) -> bytes | None:
    """Return the sealed secret of the player's authenticator app."""
    found: bytes | None = await driver.fetchval(SEALED_TOTP, player_id)
    return None if found is None else bytes(found)


async def take_step(driver: Driver, player_id: str, sealed: bytes, step: int) -> bool:
    """Use up a step of this secret and all before it; False where it was used."""
    return await driver.fetchrow(TAKE_STEP, player_id, sealed, step) is not None


async def set_recovery_codes(driver: Driver, player_id: str, hashes: Sequence[bytes]) -> None:
    """Replace the player's recovery codes."""
    await driver.execute(DROP_RECOVERY_CODES, player_id)
    await driver.execute(ADD_RECOVERY_CODES, player_id, list(hashes))


async def count_recovery_codes(driver: Driver, player_id: str) -> int:
    """Return how many codes are left."""
    return int(await driver.fetchval(COUNT_RECOVERY_CODES, player_id))


async def take_recovery_code(driver: Driver, player_id: str, hash_: bytes) -> bool:
    """Use up a recovery code; False where there is none such."""
    return await driver.fetchrow(TAKE_RECOVERY_CODE, player_id, hash_) is not None


async def drop_idle_recovery_codes(driver: Driver, player_id: str) -> None:
    """Remove the recovery codes of a player who has no factor left."""
    await driver.execute(DROP_IDLE_RECOVERY_CODES, player_id)


async def add_passkey(driver: Driver, passkey: StoredPasskey, name: str, now: datetime) -> bool:
    """Keep a passkey; False where its credential is known already, whosever it is."""
    row = await driver.fetchrow(
        ADD_PASSKEY,
        passkey.id,
        passkey.holder_id,
        passkey.credential_id,
        passkey.public_key,
        passkey.sign_count,
        passkey.rp_id,
        name,
        now,
    )
    return row is not None


async def passkeys(driver: Driver, player_id: str, rp_id: str | None) -> list[Passkey]:
    """Return the player's passkeys, oldest first."""
    return [
        Passkey(
            id=row[0],
            name=row[1],
            rp_id=row[2],
            created_at=row[3],
            last_used_at=row[4],
            usable=row[5],
        )
        for row in await driver.fetch(PASSKEYS, player_id, rp_id)
    ]


async def credentials(driver: Driver, player_id: str, rp_id: str) -> list[bytes]:
    """Return by what browsers know the player's passkeys of this relying party."""
    return [bytes(row[0]) for row in await driver.fetch(CREDENTIALS, player_id, rp_id)]


async def passkey(driver: Driver, credential_id: bytes) -> StoredPasskey | None:
    """Return the passkey of a credential."""
    row: Any = await driver.fetchrow(PASSKEY, credential_id)
    if row is None:
        return None
    return StoredPasskey(
        id=row[0],
        holder_id=row[1],
        credential_id=bytes(row[2]),
        public_key=bytes(row[3]),
        sign_count=row[4],
        rp_id=row[5],
        credentials=row[6],
    )


async def count_use(driver: Driver, passkey_id: str, sign_count: int, now: datetime) -> bool:
    """Note what the authenticator counted; False where it has not counted on."""
    return await driver.fetchrow(COUNT_USE, passkey_id, sign_count, now) is not None


async def rename_passkey(driver: Driver, player_id: str, passkey_id: str, name: str) -> bool:
    """Give one of the player's passkeys another name; say whether there is one."""
    return await driver.fetchrow(RENAME_PASSKEY, player_id, passkey_id, name) is not None


async def remove_passkey(driver: Driver, player_id: str, passkey_id: str) -> bool:
    """Remove one of the player's passkeys; say whether there was one."""
    return await driver.fetchrow(REMOVE_PASSKEY, player_id, passkey_id) is not None


async def newest_ticket(driver: Driver, player_id: str, purpose: Purpose) -> datetime | None:
    """Return when the player's newest ticket of this purpose expires."""
    found: datetime | None = await driver.fetchval(NEWEST_TICKET, player_id, purpose)
    return found


async def password_hash(driver: Driver, player_id: str) -> str | None:
    """Return the hash that the player's password must meet."""
    found: str | None = await driver.fetchval(HASH_TO_MEET, player_id)
    return found
