"""SQL of the roles that a tenant, or the deployment, made for itself."""

from collections.abc import Collection
from datetime import datetime

from guildbank.journal import Driver

ALL = """
SELECT name, permissions
FROM identity_role
ORDER BY name
"""

ADD = """
INSERT INTO identity_role (name, permissions, created_at, changed_at)
VALUES ($1, $2, $3, $3)
ON CONFLICT DO NOTHING
RETURNING name
"""

CHANGE = """
UPDATE identity_role
SET permissions = $2,
    changed_at = $3
WHERE name = $1
"""

DROP = """
DELETE FROM identity_role
WHERE name = $1
"""

IN_USE = """
SELECT EXISTS (
           SELECT 1
           FROM identity_operator_role
           WHERE role = $1
       )
    OR EXISTS (
           SELECT 1
           FROM identity_operator_invitation
           WHERE $1 = ANY(roles)
             AND expires_at > $2
       )
    OR EXISTS (
           SELECT 1
           FROM identity_operator_group
           WHERE role = $1
       )
"""


async def all_of(driver: Driver) -> dict[str, frozenset[str]]:
    """Return the permissions of every role that is not built in, by its name."""
    return {row[0]: frozenset(row[1]) for row in await driver.fetch(ALL)}


async def add(driver: Driver, name: str, permissions: Collection[str], now: datetime) -> bool:
    """Add a role; False where there is one of this name."""
    return await driver.fetchval(ADD, name, sorted(permissions), now) is not None


async def change(driver: Driver, name: str, permissions: Collection[str], now: datetime) -> None:
    """Give the role other permissions."""
    await driver.execute(CHANGE, name, sorted(permissions), now)


async def drop(driver: Driver, name: str) -> None:
    """Delete the role."""
    await driver.execute(DROP, name)


async def in_use(driver: Driver, name: str, now: datetime) -> bool:
    """Say whether an operator has the role, or will by an invitation or a group."""
    return bool(await driver.fetchval(IN_USE, name, now))
