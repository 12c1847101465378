"""SQL of mail, on a tenant's schema or, for the deployment's own mail, on the control schema."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from guildbank.journal import Driver, PutOnly, Statement
from guildbank.notify.contracts import Audience, SealedMail
from guildbank.notify.tables import NOTIFY_ORDER

# A second mail of one key is the first one.
ADD = """
INSERT INTO notify_mail (
    id, template, audience, state, key, to_hash, sealed, attempts, queued_at, next_attempt_at,
    expires_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8, $9)
ON CONFLICT (template, key) WHERE key IS NOT NULL DO NOTHING
RETURNING id
"""

ADD_ALL = """
INSERT INTO notify_mail (
    id, template, audience, state, key, to_hash, sealed, attempts, queued_at, next_attempt_at,
    expires_at
)
SELECT id, template, audience, state, key, to_hash, sealed, 0, queued_at, queued_at, expires_at
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
    $8::timestamptz[], $9::timestamptz[]
) AS mail (id, template, audience, state, key, to_hash, sealed, queued_at, expires_at)
ON CONFLICT (template, key) WHERE key IS NOT NULL DO NOTHING
"""

FIND_BY_KEY = """
SELECT id
FROM notify_mail
WHERE template = $1
  AND key = $2
"""

# Whoever claims holds the rows until $2 without a transaction: a killed worker's mail is due again
# by itself. `attempts` is the fence: who is late with an outcome finds it higher and writes none.
CLAIM = """
WITH due AS (
    SELECT id, next_attempt_at
    FROM notify_mail
    WHERE state = 'waiting'
      AND next_attempt_at <= $1
      AND expires_at > $1
    ORDER BY next_attempt_at, id
    LIMIT $3
    FOR NO KEY UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE notify_mail
    SET next_attempt_at = $2, attempts = attempts + 1
    FROM due
    WHERE notify_mail.id = due.id
    RETURNING notify_mail.id, template, audience, attempts, sealed, due.next_attempt_at AS was_due
)
SELECT id, template, audience, attempts, sealed
FROM claimed
ORDER BY was_due, id
"""

END = """
UPDATE notify_mail
SET state = $3, reason = $4, ended_at = $5, sealed = NULL
WHERE id = $1
  AND attempts = $2
  AND state = 'waiting'
"""

# Not past its end, so that what it says is destroyed in time.
PUT_OFF = """
UPDATE notify_mail
SET next_attempt_at = LEAST($3, expires_at), reason = $4
WHERE id = $1
  AND attempts = $2
  AND state = 'waiting'
"""

# A mail that was claimed and not tried has lost nothing by it.
RELEASE = """
UPDATE notify_mail
SET next_attempt_at = $3, attempts = attempts - 1, reason = $4
WHERE id = $1
  AND attempts = $2
  AND state = 'waiting'
"""

EXPIRE = """
UPDATE notify_mail
SET state = 'failed', reason = coalesce('expired; ' || reason, 'expired'), ended_at = $1,
    sealed = NULL
WHERE id IN (
    SELECT id
    FROM notify_mail
    WHERE state = 'waiting'
      AND expires_at <= $1
      AND next_attempt_at <= $1
    LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING template, reason
"""

FORGET_ENDED = """
DELETE FROM notify_mail
WHERE state IN ('sent', 'failed')
  AND ended_at < $1
"""

EMPTY_MAILBOX = """
DELETE FROM notify_mail
WHERE state = 'mailbox'
  AND (
    queued_at < $1
    OR id < (
        SELECT id
        FROM notify_mail
        WHERE state = 'mailbox'
        ORDER BY id DESC
        OFFSET $2 - 1
        LIMIT 1
    )
  )
"""

MAILBOX = """
SELECT id, template, queued_at, sealed
FROM notify_mail
WHERE state = 'mailbox'
  AND queued_at >= $1
  AND ($2::text IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3
"""

MAILBOX_OF = """
SELECT id, template, queued_at, sealed
FROM notify_mail
WHERE state = 'mailbox'
  AND queued_at >= $1
  AND ($2::text IS NULL OR id < $2)
  AND to_hash = $4
ORDER BY id DESC
LIMIT $3
"""

IN_MAILBOX = """
SELECT id, template, queued_at, sealed
FROM notify_mail
WHERE state = 'mailbox'
  AND queued_at >= $1
  AND id = $2
"""


class Claimed(msgspec.Struct, frozen=True):
    """A mail that this process tries to send; `attempts` counts this try."""

    id: str
    template: str
    audience: Audience
    attempts: int
    sealed: bytes


class Expired(msgspec.Struct, frozen=True):
    """A mail that was given up because it is of no use any more."""

    template: str
    reason: str


class Boxed(msgspec.Struct, frozen=True):
    """A message of the mailbox as it is kept."""

    id: str
    template: str
    queued_at: datetime
    sealed: bytes


class Outgoing(PutOnly):
    """Mail that an act of the journal sends, by id: put only, and committed with the act."""

    order: ClassVar[int] = NOTIFY_ORDER

    def saving(self, changed: Mapping[str, SealedMail]) -> Sequence[Statement]:
        """Queue them all."""
        columns = zip(*(_row(mail) for mail in changed.values()), strict=True)
        return [Statement(ADD_ALL, tuple(columns))]


OUTGOING = Outgoing()


def _row(mail: SealedMail) -> tuple[object, ...]:
    return (
        mail.id, mail.template, mail.audience, mail.state, mail.key, mail.to_hash, mail.sealed,
        mail.queued_at, mail.expires_at,
    )  # fmt: skip


async def add_mail(driver: Driver, mail: SealedMail) -> str:
    """Keep a mail and return its id, or that of the mail that has its key already."""
    found: str | None = await driver.fetchval(ADD, *_row(mail))
    found = found or await driver.fetchval(FIND_BY_KEY, mail.template, mail.key)
    if found is None:
        raise LookupError(f"the mail of key {mail.key!r} was deleted at this moment")
    return found


async def claim(driver: Driver, now: datetime, until: datetime, limit: int) -> list[Claimed]:
    """Take mail that is due, the longest due first; nobody else takes it before `until`."""
    return [Claimed(*row) for row in await driver.fetch(CLAIM, now, until, limit)]


async def end(driver: Driver, mail: Claimed, state: str, reason: str | None, now: datetime) -> None:
    """Record that a mail was sent or failed, and destroy what it said."""
    await driver.execute(END, mail.id, mail.attempts, state, reason, now)


async def put_off(driver: Driver, mail: Claimed, at: datetime, reason: str) -> None:
    """Try a mail again later."""
    await driver.execute(PUT_OFF, mail.id, mail.attempts, at, reason)


async def release(driver: Driver, mail: Claimed, at: datetime, reason: str) -> None:
    """Give back a mail that was not tried."""
    await driver.execute(RELEASE, mail.id, mail.attempts, at, reason)


async def expire(driver: Driver, now: datetime, limit: int) -> list[Expired]:
    """Give up what is of no use any more; mail that is on its way is left to its sender."""
    return [Expired(*row) for row in await driver.fetch(EXPIRE, now, limit)]


async def forget_ended(driver: Driver, before: datetime) -> None:
    """Delete what was sent or failed before then."""
    await driver.execute(FORGET_ENDED, before)


async def empty_mailbox(driver: Driver, before: datetime, most: int) -> None:
    """Delete messages of before then, and all but the newest."""
    await driver.execute(EMPTY_MAILBOX, before, most)


async def mailbox_page(
    driver: Driver, since: datetime, before_id: str | None, limit: int, to_hash: bytes | None
) -> Sequence[Boxed]:
    """Return messages of the mailbox, the newest first, of one address where it is given."""
    if to_hash is None:
        rows = await driver.fetch(MAILBOX, since, before_id, limit)
    else:
        rows = await driver.fetch(MAILBOX_OF, since, before_id, limit, to_hash)
    return [Boxed(*row) for row in rows]


async def in_mailbox(driver: Driver, since: datetime, id_: str) -> Boxed | None:
    """Return a message of the mailbox."""
    row = await driver.fetchrow(IN_MAILBOX, since, id_)
    return None if row is None else Boxed(*row)
