"""SQL of what an operator proves identity with besides the password, and of half sign-ins."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.identity.contracts.operators import TicketPurpose
from guildbank.journal import Driver

TOTP = """
SELECT secret, pending
FROM identity_operator_totp
WHERE operator_id = $1
"""

BEGIN = """
INSERT INTO identity_operator_totp (operator_id, pending)
VALUES ($1, $2)
ON CONFLICT (operator_id) DO UPDATE
SET pending = EXCLUDED.pending
"""

# The code that confirmed it is used by that.
CONFIRM = """
UPDATE identity_operator_totp
SET secret = pending,
    pending = NULL,
    last_step = $3
WHERE operator_id = $1
  AND pending = $2
RETURNING operator_id
"""

# Of two that come with one code, one finds its step used.
USE_STEP = """
UPDATE identity_operator_totp
SET last_step = $2
WHERE operator_id = $1
  AND last_step < $2
RETURNING operator_id
"""

CLEAR_CODES = """
DELETE FROM identity_operator_recovery
WHERE operator_id = $1
"""

ADD_CODES = """
INSERT INTO identity_operator_recovery (operator_id, hash)
SELECT $1, hash
FROM unnest($2::bytea[]) AS hash
"""

USE_CODE = """
DELETE FROM identity_operator_recovery
WHERE operator_id = $1
  AND hash = $2
RETURNING operator_id
"""

COUNT_CODES = """
SELECT count(*)
FROM identity_operator_recovery
WHERE operator_id = $1
"""

FORGET_TOTP = """
DELETE FROM identity_operator_totp
WHERE operator_id = $1
"""

ADD_TICKET = """
INSERT INTO identity_operator_ticket (hash, purpose, operator_id, created_at, expires_at, data)
VALUES ($1, $2, $3, $4, $5, $6)
"""

FIND_TICKET = """
SELECT operator_id
FROM identity_operator_ticket
WHERE hash = $1
  AND purpose = $2
  AND expires_at > $3
"""

# Of two that come with one secret, one finds it gone.
TAKE_TICKET = """
DELETE FROM identity_operator_ticket
WHERE hash = $1
  AND purpose = $2
  AND expires_at > $3
RETURNING operator_id, data
"""

MADE_SINCE = """
SELECT EXISTS (
    SELECT 1
    FROM identity_operator_ticket
    WHERE operator_id = $1
      AND purpose = $2
      AND created_at > $3
)
"""

DROP_TICKETS = """
DELETE FROM identity_operator_ticket
WHERE operator_id = $1
"""

FORGET_TICKETS = """
DELETE FROM identity_operator_ticket
WHERE expires_at <= $1
"""


class Ticket(msgspec.Struct, frozen=True):
    """What a ticket stood for: whose it was, and what was sealed with it."""

    operator_id: str | None
    data: bytes | None


async def totp(driver: Driver, operator_id: str) -> tuple[bytes | None, bytes | None]:
    """Return the sealed secret of the operator's app, and of the one that is being set up."""
    row = await driver.fetchrow(TOTP, operator_id)
    return (None, None) if row is None else (row[0], row[1])


async def begin(driver: Driver, operator_id: str, sealed: bytes) -> None:
    """Keep the secret of an app that is being set up, beside that of the one in use."""
    await driver.execute(BEGIN, operator_id, sealed)


async def confirm(driver: Driver, operator_id: str, sealed: bytes, step: int) -> bool:
    """Let the app that was set up be the one in use; False if it was replaced meanwhile."""
    return await driver.fetchval(CONFIRM, operator_id, sealed, step) is not None


async def use_step(driver: Driver, operator_id: str, step: int) -> bool:
    """Use the code of a step up; False if it, or a later one, was used before."""
    return await driver.fetchval(USE_STEP, operator_id, step) is not None


async def set_codes(driver: Driver, operator_id: str, hashes: Sequence[bytes]) -> None:
    """Let these recovery codes be good and no others."""
    await driver.execute(CLEAR_CODES, operator_id)
    await driver.execute(ADD_CODES, operator_id, list(hashes))


async def use_code(driver: Driver, operator_id: str, hash_: bytes) -> bool:
    """Use a recovery code up; False if there is none of this hash."""
    return await driver.fetchval(USE_CODE, operator_id, hash_) is not None


async def count_codes(driver: Driver, operator_id: str) -> int:
    """Return how many recovery codes are left."""
    return int(await driver.fetchval(COUNT_CODES, operator_id))


async def forget_factors(driver: Driver, operator_id: str) -> None:
    """Delete the operator's app and recovery codes, and what was begun with them."""
    for statement in (FORGET_TOTP, CLEAR_CODES, DROP_TICKETS):
        await driver.execute(statement, operator_id)


async def forget_app(driver: Driver, operator_id: str) -> None:
    """Delete the operator's app."""
    await driver.execute(FORGET_TOTP, operator_id)


async def add_ticket(
    driver: Driver,
    hash_: bytes,
    purpose: TicketPurpose,
    operator_id: str | None,
    now: datetime,
    expires_at: datetime,
    data: bytes | None = None,
) -> None:
    """Keep a ticket by the hash of its secret."""
    await driver.execute(ADD_TICKET, hash_, purpose, operator_id, now, expires_at, data)


async def find_ticket(
    driver: Driver, hash_: bytes, purpose: TicketPurpose, now: datetime
) -> str | None:
    """Return whose ticket it is, and leave it."""
    found: str | None = await driver.fetchval(FIND_TICKET, hash_, purpose, now)
    return found


async def take_ticket(
    driver: Driver, hash_: bytes, purpose: TicketPurpose, now: datetime
) -> str | None:
    """Use a ticket up, once the caller commits, and return whose it was."""
    taken = await take(driver, hash_, purpose, now)
    return None if taken is None else taken.operator_id


async def take(
    driver: Driver, hash_: bytes, purpose: TicketPurpose, now: datetime
) -> Ticket | None:
    """Use a ticket up, once the caller commits; also one that is nobody's yet."""
    row = await driver.fetchrow(TAKE_TICKET, hash_, purpose, now)
    return None if row is None else Ticket(row[0], None if row[1] is None else bytes(row[1]))


async def made_since(
    driver: Driver, operator_id: str, purpose: TicketPurpose, since: datetime
) -> bool:
    """Say whether the operator got such a ticket after `since` that was not used."""
    return bool(await driver.fetchval(MADE_SINCE, operator_id, purpose, since))


async def drop_tickets(driver: Driver, operator_id: str) -> None:
    """Make all tickets of the operator worthless."""
    await driver.execute(DROP_TICKETS, operator_id)


async def forget_tickets(driver: Driver, now: datetime) -> None:
    """Delete the tickets that have expired."""
    await driver.execute(FORGET_TICKETS, now)
