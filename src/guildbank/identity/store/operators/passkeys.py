"""SQL of operators' passkeys, and of what an operator has for a second factor."""

from collections.abc import Sequence
from datetime import datetime

from guildbank.identity.contracts.factors import Passkey, StoredPasskey
from guildbank.identity.contracts.operators import Held
from guildbank.journal import Driver

HELD = """
SELECT EXISTS (
           SELECT 1
           FROM identity_operator_totp
           WHERE operator_id = $1
             AND secret IS NOT NULL
       ),
       count(*) FILTER (WHERE rp_id IS NOT DISTINCT FROM $2),
       count(*) FILTER (WHERE rp_id IS DISTINCT FROM $2),
       (SELECT count(*) FROM identity_operator_recovery WHERE operator_id = $1)
FROM identity_operator_passkey
WHERE operator_id = $1
"""

# Of two who each remove what the other leaves, one waits and finds nothing left to remove.
LOCK = """
SELECT id
FROM identity_operator
WHERE id = $1
FOR NO KEY UPDATE
"""

ADD = """
INSERT INTO identity_operator_passkey
    (id, operator_id, credential_id, public_key, sign_count, rp_id, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING id
"""

ALL_OF = """
SELECT id, name, rp_id, created_at, last_used_at, rp_id IS NOT DISTINCT FROM $2
FROM identity_operator_passkey
WHERE operator_id = $1
ORDER BY id
"""

CREDENTIALS = """
SELECT credential_id
FROM identity_operator_passkey
WHERE operator_id = $1
  AND rp_id = $2
ORDER BY id
"""

BY_CREDENTIAL = """
SELECT id, operator_id, credential_id, public_key, sign_count, rp_id
FROM identity_operator_passkey
WHERE credential_id = $1
  AND operator_id = $2
"""

# An authenticator without a counter says 0 each time; any other must have counted on.
COUNT_USE = """
UPDATE identity_operator_passkey
SET sign_count = $2,
    last_used_at = $3
WHERE id = $1
  AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
RETURNING id
"""

RENAME = """
UPDATE identity_operator_passkey
SET name = $3
WHERE operator_id = $1
  AND id = $2
RETURNING id
"""

REMOVE = """
DELETE FROM identity_operator_passkey
WHERE operator_id = $1
  AND id = $2
RETURNING id
"""

FORGET = """
DELETE FROM identity_operator_passkey
WHERE operator_id = $1
"""


async def held(driver: Driver, operator_id: str, rp_id: str | None) -> Held:
    """Return what the operator has, with passkeys of this relying party told from others."""
    row = await driver.fetchrow(HELD, operator_id, rp_id)
    assert row is not None
    return Held(app=row[0], passkeys=row[1], lost_passkeys=row[2], recovery_codes=row[3])


async def lock(driver: Driver, operator_id: str) -> None:
    """Let nobody else change the operator's factors until this transaction ends."""
    await driver.execute(LOCK, operator_id)


async def add(driver: Driver, passkey: StoredPasskey, name: str, now: datetime) -> bool:
    """Keep a passkey; False where its credential is known already, whosever it is."""
    row = await driver.fetchrow(
        ADD,
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


async def all_of(driver: Driver, operator_id: str, rp_id: str | None) -> Sequence[Passkey]:
    """Return the operator's passkeys, oldest first."""
    return [
        Passkey(
            id=row[0],
            name=row[1],
            rp_id=row[2],
            created_at=row[3],
            last_used_at=row[4],
            usable=row[5],
        )
        for row in await driver.fetch(ALL_OF, operator_id, rp_id)
    ]


async def credentials(driver: Driver, operator_id: str, rp_id: str) -> list[bytes]:
    """Return by what browsers know the operator's passkeys of this relying party."""
    return [bytes(row[0]) for row in await driver.fetch(CREDENTIALS, operator_id, rp_id)]


async def by_credential(
    driver: Driver, credential_id: bytes, operator_id: str
) -> StoredPasskey | None:
    """Return the operator's passkey of a credential."""
    row = await driver.fetchrow(BY_CREDENTIAL, credential_id, operator_id)
    if row is None:
        return None
    return StoredPasskey(
        id=row[0],
        holder_id=row[1],
        credential_id=bytes(row[2]),
        public_key=bytes(row[3]),
        sign_count=row[4],
        rp_id=row[5],
    )


async def count_use(driver: Driver, passkey_id: str, sign_count: int, now: datetime) -> bool:
    """Note what the authenticator counted; False where it has not counted on."""
    return await driver.fetchrow(COUNT_USE, passkey_id, sign_count, now) is not None


async def rename(driver: Driver, operator_id: str, passkey_id: str, name: str) -> bool:
    """Give one of the operator's passkeys another name; say whether there is one."""
    return await driver.fetchrow(RENAME, operator_id, passkey_id, name) is not None


async def remove(driver: Driver, operator_id: str, passkey_id: str) -> bool:
    """Remove one of the operator's passkeys; say whether there was one."""
    return await driver.fetchrow(REMOVE, operator_id, passkey_id) is not None


async def forget(driver: Driver, operator_id: str) -> None:
    """Remove all passkeys of an operator who is one no more."""
    await driver.execute(FORGET, operator_id)
