"""SQL of the studio's own sign-in: its settings, the roles of its groups, and who is who."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.identity.contracts.operators import OperatorState
from guildbank.identity.contracts.studio import GroupRoles, StudioAccount, StudioSettings
from guildbank.journal import Driver

READ = """
SELECT enabled, settings, sealed, changed_at
FROM identity_operator_studio
"""

WRITE = """
INSERT INTO identity_operator_studio (id, enabled, settings, sealed, changed_at)
VALUES ('studio', $1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE
SET enabled = EXCLUDED.enabled,
    settings = EXCLUDED.settings,
    sealed = EXCLUDED.sealed,
    changed_at = EXCLUDED.changed_at
"""

GROUPS = """
SELECT name, array_agg(role ORDER BY role)
FROM identity_operator_group
GROUP BY name
ORDER BY name
"""

CLEAR_GROUPS = """
DELETE FROM identity_operator_group
"""

ADD_GROUP = """
INSERT INTO identity_operator_group (name, role)
SELECT $1, role
FROM unnest($2::text[]) AS role
"""

LINKED = """
SELECT link.operator_id, operator.state, link.invited
FROM identity_operator_link AS link
JOIN identity_operator AS operator ON operator.id = link.operator_id
WHERE link.key = $1
"""

# Whoever had this account of the studio before, and was removed, is somebody else now.
DROP_LINKS = """
DELETE FROM identity_operator_link
WHERE key = $1
   OR operator_id = $2
"""

ADD_LINK = """
INSERT INTO identity_operator_link (operator_id, key, linked_at, invited)
VALUES ($1, $2, $3, $4)
"""

LEAVE_TO_GROUPS = """
UPDATE identity_operator_link
SET invited = FALSE
WHERE operator_id = $1
"""

ALL_LINKED = """
SELECT operator_id
FROM identity_operator_link
"""


async def read(driver: Driver) -> StudioAccount | None:
    """Return what is set up, the secret sealed."""
    row = await driver.fetchrow(READ)
    if row is None:
        return None
    settings = msgspec.json.decode(row[1], type=StudioSettings)
    return StudioAccount(enabled=row[0], settings=settings, sealed=bytes(row[2]), changed_at=row[3])


async def write(driver: Driver, account: StudioAccount, groups: Sequence[GroupRoles]) -> None:
    """Set it up: these settings and these groups and no others."""
    settings = msgspec.json.encode(account.settings).decode()
    await driver.execute(WRITE, account.enabled, settings, account.sealed, account.changed_at)
    await driver.execute(CLEAR_GROUPS)
    for one in groups:
        await driver.execute(ADD_GROUP, one.group, list(one.roles))


async def groups(driver: Driver) -> list[GroupRoles]:
    """Return the roles of each group, in the order of names."""
    return [GroupRoles(row[0], tuple(row[1])) for row in await driver.fetch(GROUPS)]


class Linked(msgspec.Struct, frozen=True):
    """Which operator an account of the studio is; `invited`: whose roles no group gave so far."""

    operator_id: str
    state: OperatorState
    invited: bool


async def linked(driver: Driver, key: bytes) -> Linked | None:
    """Return which operator an account of the studio is; also one who was removed."""
    row = await driver.fetchrow(LINKED, key)
    return None if row is None else Linked(row[0], row[1], row[2])


async def link(
    driver: Driver, operator_id: str, key: bytes, now: datetime, *, invited: bool = False
) -> None:
    """Let the account of the studio be this operator, in place of any other."""
    await driver.execute(DROP_LINKS, key, operator_id)
    await driver.execute(ADD_LINK, operator_id, key, now, invited)


async def leave_to_groups(driver: Driver, operator_id: str) -> None:
    """Let the groups alone decide from now on what roles the operator has."""
    await driver.execute(LEAVE_TO_GROUPS, operator_id)


async def all_linked(driver: Driver) -> list[str]:
    """Return the operators who come in by the studio."""
    return [row[0] for row in await driver.fetch(ALL_LINKED)]
