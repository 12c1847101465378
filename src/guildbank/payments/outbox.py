"""SQL of what callback steps are yet to be told."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Driver, Entry

AFTER = "after:"
"""What the names of steps after the credit begin with here; a step's own name has no colon."""

# Whose payment it is, and since when it runs through whatever is published.
READ_PAYMENTS = """
SELECT id, purpose, revision, player_id, credited_seq
FROM payments_intent
WHERE id = ANY($1::text[])
"""

ADD = """
INSERT INTO payments_telling
    (purpose, step, seq, revision, kind, at, data, tries, next_at, payment_id)
SELECT purpose, step, seq, revision, kind, at, data, 0, at, payment_id
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::timestamptz[],
            $7::text[], $8::text[])
     AS told (purpose, step, seq, revision, kind, at, data, payment_id)
ON CONFLICT (purpose, step, seq) DO NOTHING
"""

ADD_STEPS = """
INSERT INTO payments_callback (purpose, step)
SELECT DISTINCT purpose, step
FROM unnest($1::text[], $2::text[]) AS told (purpose, step)
ON CONFLICT (purpose, step) DO NOTHING
"""

READ_STEPS = """
SELECT purpose, step
FROM payments_telling AS telling
WHERE told_at IS NULL
  AND NOT EXISTS (
      SELECT
      FROM payments_callback AS callback
      WHERE callback.purpose = telling.purpose
        AND callback.step = telling.step
        AND callback.disabled_at IS NOT NULL
  )
GROUP BY purpose, step
ORDER BY step NOT LIKE 'after:%', purpose, step
"""

# The oldest one only, so that a step hears everything in order; taking it keeps others away. A
# callback hears of a credit once the steps after it are through, and those go in their own order.
TAKE = """
UPDATE payments_telling
SET tries = tries + 1, next_at = $4
WHERE purpose = $1
  AND step = $2
  AND seq = (
      SELECT min(seq)
      FROM payments_telling
      WHERE purpose = $1
        AND step = $2
        AND told_at IS NULL
  )
  AND next_at <= $3
  AND NOT EXISTS (
      SELECT
      FROM payments_callback
      WHERE purpose = $1
        AND step = $2
        AND disabled_at IS NOT NULL
  )
  AND NOT EXISTS (
      SELECT
      FROM payments_telling AS first
      WHERE first.payment_id = payments_telling.payment_id
        AND first.seq = payments_telling.seq
        AND first.told_at IS NULL
        AND first.step LIKE 'after:%'
        AND (payments_telling.step NOT LIKE 'after:%' OR first.step < payments_telling.step)
  )
RETURNING seq, revision, kind, at, data, tries, payment_id
"""

DONE = """
UPDATE payments_telling
SET told_at = $4, sealed = $5, answer = NULL, problem = NULL
WHERE purpose = $1
  AND step = $2
  AND seq = $3
  AND told_at IS NULL
RETURNING seq
"""

DELAY = """
UPDATE payments_telling
SET next_at = $4, problem = $5, sealed = $6
WHERE purpose = $1
  AND step = $2
  AND seq = $3
"""

# A few at a time, so that no row is locked for long.
FORGET_TOLD = """
DELETE FROM payments_telling
WHERE (purpose, step, seq) IN (
    SELECT purpose, step, seq
    FROM payments_telling
    WHERE told_at < $1
    ORDER BY told_at
    LIMIT $2
)
"""

FORGET_WORDS = """
UPDATE payments_telling
SET answer = NULL, sealed = NULL
WHERE (purpose, step, seq) IN (
    SELECT purpose, step, seq
    FROM payments_telling
    WHERE told_at < $1
      AND (answer IS NOT NULL OR sealed IS NOT NULL)
    ORDER BY told_at
    LIMIT $2
)
"""

# Older payments are found by their entries too, so an entry may come a second time.
ADD_ENTRIES = """
INSERT INTO payments_entry (payment_id, seq)
SELECT *
FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (payment_id, seq) DO NOTHING
"""


class Payer(msgspec.Struct, frozen=True):
    """What of a payment says which revision tells of it."""

    id: str
    purpose: str
    revision: int
    player_id: str
    credited_seq: int | None


class Telling(msgspec.Struct, frozen=True):
    """That a step of a revision is to be told of an entry."""

    purpose: str
    step: str
    revision: int
    entry: Entry
    payment_id: str


class Waiting(msgspec.Struct, frozen=True):
    """An entry that a step is to be told."""

    seq: int
    revision: int
    kind: str
    at: datetime
    data: str
    tries: int
    payment_id: str


async def payers_of(driver: Driver, payments: Sequence[str]) -> dict[str, Payer]:
    """Return the payments by id."""
    return {row[0]: Payer(*row) for row in await driver.fetch(READ_PAYMENTS, payments)}


def name_after(number: int, step: str) -> str:
    """Return the name of a step after the credit: sorted, such names are in the steps' order."""
    return f"{AFTER}{number:02}:{step}"


def step_after(name: str) -> str:
    """Return the step's own name."""
    return name.rpartition(":")[2]


async def add_tellings(driver: Driver, tellings: Sequence[Telling]) -> None:
    """Keep what is to be told, once, and to which steps."""
    purposes, steps = [one.purpose for one in tellings], [one.step for one in tellings]
    await driver.execute(
        ADD,
        purposes,
        steps,
        [one.entry.seq for one in tellings],
        [one.revision for one in tellings],
        [one.entry.kind for one in tellings],
        [one.entry.at for one in tellings],
        [one.entry.data.decode() for one in tellings],
        [one.payment_id for one in tellings],
    )
    told = [(one.purpose, one.step) for one in tellings if not one.step.startswith(AFTER)]
    await driver.execute(ADD_STEPS, [one[0] for one in told], [one[1] for one in told])


async def add_entries(driver: Driver, found: Sequence[tuple[str, int]]) -> None:
    """Keep which entries are about which payments."""
    await driver.execute(ADD_ENTRIES, [one[0] for one in found], [one[1] for one in found])


async def waiting_steps(driver: Driver) -> list[tuple[str, str]]:
    """Return the steps that wait for anything and may be told, each with its purpose."""
    return [(row[0], row[1]) for row in await driver.fetch(READ_STEPS)]


async def take_oldest(
    driver: Driver, purpose: str, step: str, now: datetime, until: datetime
) -> Waiting | None:
    """Take the step's oldest entry until then, None when there is none or it has to wait."""
    row = await driver.fetchrow(TAKE, purpose, step, now, until)
    return None if row is None else Waiting(*row)


async def mark_done(
    driver: Driver, purpose: str, step: str, seq: int, now: datetime, said: bytes | None
) -> bool:
    """Note that the step was told of an entry, and what it said, sealed; False where it was told
    before.
    """
    return await driver.fetchval(DONE, purpose, step, seq, now, said) is not None


async def forget_told(driver: Driver, before: datetime, limit: int) -> int:
    """Forget what steps were told before this time; return how much that was."""
    done: str = await driver.execute(FORGET_TOLD, before, limit)
    return int(done.rpartition(" ")[2])


async def put_off(
    driver: Driver,
    purpose: str,
    step: str,
    seq: int,
    at: datetime,
    problem: str,
    said: bytes | None,
) -> None:
    """Tell the step again later; the problem is why, and what was said of it is sealed."""
    await driver.execute(DELAY, purpose, step, seq, at, problem, said)


async def forget_words(driver: Driver, before: datetime, limit: int) -> int:
    """Forget what steps said that were told before this time; return how many did."""
    done: str = await driver.execute(FORGET_WORDS, before, limit)
    return int(done.rpartition(" ")[2])
