"""SQL of invitations: links whose readers become operators, each once."""

from datetime import datetime
from typing import Any

from guildbank.identity.contracts.operators import Invitation
from guildbank.journal import Driver

_COLUMNS = "id, kind, address, roles, invited_by, created_at, expires_at, comes_in_by"

ADD = """
INSERT INTO identity_operator_invitation
    (id, hash, kind, address, canonical, roles, invited_by, created_at, expires_at, comes_in_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

# A new invitation of the same person makes the mail of the last one worthless.
DROP_FOR_ADDRESS = """
DELETE FROM identity_operator_invitation
WHERE canonical = $1
"""

# Each start of a server prints a link of its own, and the last one is the good one.
DROP_FIRST_OWNERS = """
DELETE FROM identity_operator_invitation
WHERE kind = 'first_owner'
"""

FIND = f"""
SELECT {_COLUMNS}
FROM identity_operator_invitation
WHERE hash = $1
  AND expires_at > $2
"""  # noqa: S608 - names of our own columns

# Of two that come with one secret, one finds it gone.
TAKE = f"""
DELETE FROM identity_operator_invitation
WHERE hash = $1
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of our own columns

LOCKED = f"""
SELECT {_COLUMNS}
FROM identity_operator_invitation
WHERE id = $1
FOR NO KEY UPDATE
"""  # noqa: S608 - names of our own columns

PAGE = f"""
SELECT {_COLUMNS}
FROM identity_operator_invitation
WHERE id > $1
  AND expires_at > $3
ORDER BY id
LIMIT $2
"""  # noqa: S608 - names of our own columns

WITHDRAW = """
DELETE FROM identity_operator_invitation
WHERE id = $1
"""

DROP_BY = """
DELETE FROM identity_operator_invitation
WHERE invited_by = $1
"""

FORGET = """
DELETE FROM identity_operator_invitation
WHERE expires_at <= $1
"""


async def add(driver: Driver, hash_: bytes, invitation: Invitation, canonical: str | None) -> None:
    """Keep an invitation by the hash of its secret, in place of an earlier one like it."""
    if canonical is not None:
        await driver.execute(DROP_FOR_ADDRESS, canonical)
    if invitation.kind == "first_owner":
        await driver.execute(DROP_FIRST_OWNERS)
    await driver.execute(
        ADD,
        invitation.id,
        hash_,
        invitation.kind,
        invitation.address,
        canonical,
        list(invitation.roles),
        invitation.invited_by,
        invitation.created_at,
        invitation.expires_at,
        invitation.comes_in_by,
    )


async def find(driver: Driver, hash_: bytes, now: datetime) -> Invitation | None:
    """Return an invitation that can be accepted, and leave it so."""
    row = await driver.fetchrow(FIND, hash_, now)
    return None if row is None else _invitation(row)


async def take(driver: Driver, hash_: bytes, now: datetime) -> Invitation | None:
    """Use an invitation up, once the caller commits."""
    row = await driver.fetchrow(TAKE, hash_)
    found = None if row is None else _invitation(row)
    return found if found is not None and found.expires_at > now else None


async def locked(driver: Driver, invitation_id: str) -> Invitation | None:
    """Return an invitation that nobody accepts until this transaction ends."""
    row = await driver.fetchrow(LOCKED, invitation_id)
    return None if row is None else _invitation(row)


async def page(driver: Driver, after: str, limit: int, now: datetime) -> list[Invitation]:
    """Return invitations that can be accepted, oldest first."""
    return [_invitation(row) for row in await driver.fetch(PAGE, after, limit, now)]


async def withdraw(driver: Driver, invitation_id: str) -> None:
    """Make an invitation worthless."""
    await driver.execute(WITHDRAW, invitation_id)


async def drop_by(driver: Driver, operator_id: str) -> None:
    """Make worthless what somebody gave who may not give it any more."""
    await driver.execute(DROP_BY, operator_id)


async def forget(driver: Driver, now: datetime) -> None:
    """Delete what has expired."""
    await driver.execute(FORGET, now)


def _invitation(row: Any) -> Invitation:
    return Invitation(
        id=row[0],
        kind=row[1],
        address=row[2],
        roles=tuple(row[3]),
        invited_by=row[4],
        created_at=row[5],
        expires_at=row[6],
        comes_in_by=row[7],
    )
