"""SQL of operators and of the roles that they hold."""

from collections.abc import Collection
from typing import Any

from guildbank.identity.contracts.operators import Operator, OperatorState
from guildbank.journal import Driver

# Who changes operators and roles takes turns, so that two owners cannot unmake each other at once.
TAKE_TURNS = "LOCK TABLE identity_operator_role IN SHARE ROW EXCLUSIVE MODE"

ADD = """
INSERT INTO identity_operator (id, address, canonical, name, state, password_hash, created_at)
VALUES ($1, $2, $3, $4, 'active', $5, $6)
ON CONFLICT DO NOTHING
RETURNING id
"""

_SHOWN = """
SELECT operator.id,
       operator.address,
       operator.name,
       operator.state,
       ARRAY(
           SELECT role
           FROM identity_operator_role
           WHERE operator_id = operator.id
           ORDER BY role
       ),
       EXISTS (
           SELECT 1
           FROM identity_operator_totp
           WHERE operator_id = operator.id
             AND secret IS NOT NULL
       ) OR EXISTS (
           SELECT 1
           FROM identity_operator_passkey
           WHERE operator_id = operator.id
       ),
       operator.created_at
FROM identity_operator AS operator
"""

ONE = f"""
{_SHOWN}
WHERE operator.id = $1
  AND operator.state <> 'removed'
"""

BY_ADDRESS = f"""
{_SHOWN}
WHERE operator.canonical = $1
  AND operator.state <> 'removed'
"""

PAGE = f"""
{_SHOWN}
WHERE operator.id > $1
  AND operator.state <> 'removed'
ORDER BY operator.id
LIMIT $2
"""

BY_HANDLE = """
SELECT id, canonical, state, password_hash
FROM identity_operator
WHERE canonical = $1
  AND state <> 'removed'
"""

BY_ID = """
SELECT id, canonical, state, password_hash
FROM identity_operator
WHERE id = $1
  AND state <> 'removed'
"""

CHANGE_HASH = """
UPDATE identity_operator
SET password_hash = $2
WHERE id = $1
"""

SET_STATE = """
UPDATE identity_operator
SET state = $2
WHERE id = $1
"""

# What stays is the id, by which the records of what was done name somebody.
ERASE = """
UPDATE identity_operator
SET state = 'removed',
    address = '',
    canonical = id,
    name = 'Removed operator',
    password_hash = NULL
WHERE id = $1
"""

CLEAR_ROLES = """
DELETE FROM identity_operator_role
WHERE operator_id = $1
"""

GIVE_ROLES = """
INSERT INTO identity_operator_role (operator_id, role)
SELECT $1, role
FROM unnest($2::text[]) AS role
"""

OTHERS_WITH_ROLE = """
SELECT count(*)
FROM identity_operator_role AS held
JOIN identity_operator AS operator ON operator.id = held.operator_id
WHERE held.role = $1
  AND operator.state = 'active'
  AND operator.id <> $2
"""

HOLDERS = """
SELECT operator_id
FROM identity_operator_role
WHERE role = $1
"""


async def take_turns(driver: Driver) -> None:
    """Wait until nobody else changes operators or roles of this plane, and keep them waiting."""
    await driver.execute(TAKE_TURNS)


async def add(
    driver: Driver, operator: Operator, canonical: str, password_hash: str | None
) -> bool:
    """Add an operator with roles; False where another has the address."""
    added = await driver.fetchval(
        ADD,
        operator.id,
        operator.address,
        canonical,
        operator.name,
        password_hash,
        operator.created_at,
    )
    if added is None:
        return False
    await driver.execute(GIVE_ROLES, operator.id, list(operator.roles))
    return True


async def one(driver: Driver, operator_id: str) -> Operator | None:
    """Return an operator who was not removed."""
    return _operator(await driver.fetchrow(ONE, operator_id))


async def by_address(driver: Driver, canonical: str) -> Operator | None:
    """Return the operator of an address who was not removed."""
    return _operator(await driver.fetchrow(BY_ADDRESS, canonical))


async def page(driver: Driver, after: str, limit: int) -> list[Operator]:
    """Return operators in the order in which they came."""
    rows = await driver.fetch(PAGE, after, limit)
    return [found for row in rows if (found := _operator(row)) is not None]


async def password_of(
    driver: Driver, canonical: str
) -> tuple[str, str, OperatorState, str | None] | None:
    """Return id, address as compared, state and password hash of the operator of an address."""
    row = await driver.fetchrow(BY_HANDLE, canonical)
    return None if row is None else (row[0], row[1], row[2], row[3])


async def password_by_id(
    driver: Driver, operator_id: str
) -> tuple[str, str, OperatorState, str | None] | None:
    """Return what `password_of` returns, by id."""
    row = await driver.fetchrow(BY_ID, operator_id)
    return None if row is None else (row[0], row[1], row[2], row[3])


async def has_password(driver: Driver, operator_id: str) -> bool:
    """Say whether the operator comes in by a password; who has none comes from the studio."""
    found = await password_by_id(driver, operator_id)
    return found is not None and found[3] is not None


async def set_password(driver: Driver, operator_id: str, password_hash: str) -> None:
    """Replace the operator's password."""
    await driver.execute(CHANGE_HASH, operator_id, password_hash)


async def drop_password(driver: Driver, operator_id: str) -> None:
    """Let the operator have no password."""
    await driver.execute(CHANGE_HASH, operator_id, None)


async def set_state(driver: Driver, operator_id: str, state: OperatorState) -> None:
    """Change the operator's state."""
    await driver.execute(SET_STATE, operator_id, state)


async def erase(driver: Driver, operator_id: str) -> None:
    """Let the operator be removed: neither address nor name nor password stays."""
    await driver.execute(ERASE, operator_id)


async def set_roles(driver: Driver, operator_id: str, roles: Collection[str]) -> None:
    """Let the operator have these roles and no others."""
    await driver.execute(CLEAR_ROLES, operator_id)
    await driver.execute(GIVE_ROLES, operator_id, list(roles))


async def others_with_role(driver: Driver, role: str, operator_id: str) -> int:
    """Return how many active operators besides this one have the role."""
    return int(await driver.fetchval(OTHERS_WITH_ROLE, role, operator_id))


async def holders(driver: Driver, role: str) -> list[str]:
    """Return the ids of the operators who have the role."""
    return [row[0] for row in await driver.fetch(HOLDERS, role)]


def _operator(row: Any) -> Operator | None:
    if row is None:
        return None
    return Operator(
        id=row[0],
        address=row[1],
        name=row[2],
        state=row[3],
        roles=tuple(row[4]),
        second_factor=row[5],
        created_at=row[6],
    )
