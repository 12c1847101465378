"""SQL of reconciliations: runs, and the lines of the providers' reports."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Driver
from guildbank.payments.contracts.reports import (
    DIFFERING,
    DailyRun,
    Line,
    LineState,
    Reconciliation,
)
from guildbank.payments.contracts.rows import Attempt, Dispute, Refund
from guildbank.payments.store import DISPUTES, REFUNDS
from guildbank.plugin_api import Settlement

_RUN = "id, provider, since, until, state, cursor, problem, created_at, changed_at, origin"
Span = tuple[datetime, datetime]
"""From the first on, and before the second."""
_LINE = ", ".join(field.name for field in msgspec.structs.fields(Line))

READ_RUN = f"SELECT {_RUN} FROM payments_reconciliation WHERE id = $1"  # noqa: S608 - own names

READ_RUNS = f"""
SELECT {_RUN}
FROM payments_reconciliation
WHERE $1::text IS NULL
   OR id < $1
ORDER BY id DESC
LIMIT $2
"""  # noqa: S608 - names of our own

# In which tenants a job has to look.
WAITS = """
SELECT
FROM payments_reconciliation
WHERE state IN ('reading', 'matching')
"""

# The lines of a file are read by who brings it.
READ_OPEN = f"""
SELECT {_RUN}
FROM payments_reconciliation
WHERE state IN ('reading', 'matching')
  AND (state, origin) <> ('reading', 'file')
ORDER BY changed_at
LIMIT $1
"""  # noqa: S608 - names of our own

READ_DAILY = """
SELECT provider, until, state
FROM payments_reconciliation
WHERE origin = 'daily'
  AND since >= $1
"""

# Whoever brings the same file at the same time waits.
LOCK_RUN = f"""
SELECT {_RUN}
FROM payments_reconciliation
WHERE id = $1
FOR NO KEY UPDATE
"""  # noqa: S608 - names of our own

MOVE_RUN = """
UPDATE payments_reconciliation
SET state = $2, cursor = $3, problem = $4, changed_at = $5
WHERE id = $1
"""

# A page that is read again after a crash has lines that are there already.
ADD_LINES = """
INSERT INTO payments_settlement (
    reconciliation_id, number, transaction, kind, at, money, gross_minor, fee_minor, net_minor,
    attempt_id, refund_id, reference, payment_reference, payout, state, looked
)
SELECT $1, (SELECT coalesce(max(number), 0) FROM payments_settlement
            WHERE reconciliation_id = $1) + line.place,
       line.transaction, line.kind, line.at, line.money, line.gross, line.fee, line.net,
       line.attempt, line.refund, line.reference, line.payment, line.payout, $2, FALSE
FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
     WITH ORDINALITY AS line (transaction, kind, at, money, gross, fee, net, attempt, refund,
                              reference, payment, payout, place)
ON CONFLICT (reconciliation_id, transaction) DO NOTHING
"""

READ_LINES = f"""
SELECT {_LINE}
FROM payments_settlement
WHERE reconciliation_id = $1
  AND ($2::text IS NULL OR state = $2)
  AND number > $3
ORDER BY number
LIMIT $4
"""  # noqa: S608 - names of our own

SETTLE_LINE = """
UPDATE payments_settlement
SET state = $3, payment_id = $4, attempt_id = $5, ours_minor = $6, looked = $7, fee_seq = $8,
    payout = $9
WHERE reconciliation_id = $1
  AND number = $2
"""

COUNT_LINES = """
SELECT state, count(*)
FROM payments_settlement
WHERE reconciliation_id = $1
GROUP BY state
"""

# Another line of the same report that says the same thing of the same money, and came before.
READ_TWIN = """
SELECT TRUE
FROM payments_settlement
WHERE reconciliation_id = $1
  AND number < $2
  AND kind = $3
  AND reference = $4
  AND gross_minor = $5
LIMIT 1
"""

COUNT_DIFFERENCES = """
SELECT count(*)
FROM payments_reconciliation AS run
JOIN payments_settlement AS line ON line.reconciliation_id = run.id
WHERE run.until > $1
  AND line.state = ANY ($2::text[])
"""

# Some providers report what a dispute took and not which: then it is one about the payment, and
# the one of this amount before another. Some know one name for disputes that follow each other: of
# these money is gone by the one that is not over.
READ_DISPUTE = f"""
{DISPUTES.select}
WHERE provider = $1
  AND (reference = $2
       OR (payment_id = $5 AND starts_with(reference, $2::text || ':'))
       OR ($2::text IS NULL AND attempt_id = $3 AND withdrawn))
ORDER BY $6::boolean AND reinstated, amount_minor = $4 DESC, id
LIMIT 1
"""


async def run_by_id(driver: Driver, id_: str) -> Reconciliation | None:
    """Return a run."""
    row = await driver.fetchrow(READ_RUN, id_)
    return None if row is None else msgspec.convert(dict(row), Reconciliation)


async def daily_runs(driver: Driver, since: datetime) -> list[DailyRun]:
    """Return the runs of days that began then or later."""
    rows = await driver.fetch(READ_DAILY, since)
    return [msgspec.convert(dict(row), DailyRun) for row in rows]


async def differences(driver: Driver, since: datetime) -> int:
    """Return how many lines differ, of reports that ended after this time."""
    states = [one.value for one in DIFFERING]
    return int(await driver.fetchval(COUNT_DIFFERENCES, since, states))


async def lock_run(driver: Driver, id_: str) -> Reconciliation:
    """Return a run that is there, locked until the transaction ends."""
    return msgspec.convert(dict(await driver.fetchrow(LOCK_RUN, id_)), Reconciliation)


async def runs(driver: Driver, before: str | None, limit: int) -> list[Reconciliation]:
    """Return runs, the newest first."""
    rows = await driver.fetch(READ_RUNS, before, limit)
    return [msgspec.convert(dict(row), Reconciliation) for row in rows]


async def open_runs(driver: Driver, limit: int) -> list[Reconciliation]:
    """Return runs that go on, the longest untouched first."""
    rows = await driver.fetch(READ_OPEN, limit)
    return [msgspec.convert(dict(row), Reconciliation) for row in rows]


async def move_run(driver: Driver, run: Reconciliation, now: datetime) -> None:
    """Keep how far a run is."""
    await driver.execute(MOVE_RUN, run.id, run.state, run.cursor, run.problem, now)


async def add_lines(
    driver: Driver, run_id: str, lines: Sequence[Settlement], state: LineState = LineState.NEW
) -> None:
    """Add lines behind those that are there; a transaction that is there already stays."""
    columns: list[list[object]] = [
        [one.transaction for one in lines],
        [one.kind.value for one in lines],
        [one.at for one in lines],
        [one.currency for one in lines],
        [one.gross_minor for one in lines],
        [one.fee_minor for one in lines],
        [one.net_minor for one in lines],
        [one.attempt_id for one in lines],
        [one.refund_id for one in lines],
        [one.reference for one in lines],
        [one.payment_reference for one in lines],
        [one.payout for one in lines],
    ]
    await driver.execute(ADD_LINES, run_id, state, *columns)


async def lines_of(
    driver: Driver, run_id: str, state: str | None, after: int, limit: int
) -> list[Line]:
    """Return lines of a run in the report's order, of one state or of all."""
    rows = await driver.fetch(READ_LINES, run_id, state, after, limit)
    return [msgspec.convert(dict(row), Line) for row in rows]


async def settle_line(driver: Driver, line: Line) -> None:
    """Keep what came of a line."""
    await driver.execute(
        SETTLE_LINE, line.reconciliation_id, line.number, line.state, line.payment_id,
        line.attempt_id, line.ours_minor, line.looked, line.fee_seq, line.payout,
    )  # fmt: skip


async def counts_of(driver: Driver, run_id: str) -> Mapping[str, int]:
    """Return how many lines there are by state."""
    return {row[0]: row[1] for row in await driver.fetch(COUNT_LINES, run_id)}


async def has_twin(driver: Driver, line: Line) -> bool:
    """Say whether an earlier line of the report reports the same money."""
    if line.reference is None:
        return False
    twin = await driver.fetchval(
        READ_TWIN, line.reconciliation_id, line.number, line.kind, line.reference, line.gross_minor
    )
    return bool(twin)


async def refund_of_line(driver: Driver, provider: str, line: Line) -> Refund | None:
    """Return the refund that a line names, by our reference or by the provider's."""
    row = await driver.fetchrow(
        f"{REFUNDS.select} WHERE provider = $1 AND (id = $2 OR reference = $3)",
        provider,
        line.refund_id,
        line.reference,
    )
    return None if row is None else REFUNDS.row(row)


async def dispute_of_line(
    driver: Driver, provider: str, line: Line, attempt: Attempt | None
) -> Dispute | None:
    """Return the dispute that a line names or, where it names none, that took its money."""
    row = await driver.fetchrow(
        READ_DISPUTE,
        provider,
        line.reference,
        None if attempt is None else attempt.id,
        abs(line.gross_minor),
        None if attempt is None else attempt.payment_id,
        line.gross_minor < 0,
    )
    return None if row is None else DISPUTES.row(row)
