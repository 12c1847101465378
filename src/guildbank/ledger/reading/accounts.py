"""Accounts as they are, and where each stood at an earlier place of the journal."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from guildbank.journal import Driver

COLUMNS = """
SELECT account.id, account.owner, account.asset, account.bucket,
       coalesce(last_credit.total, account.credited), coalesce(last_debit.total, account.spent),
       account.clawed, account.held, account.floor, account.frozen
FROM ledger_account AS account
LEFT JOIN LATERAL (
    SELECT credit_offset + amount AS total
    FROM ledger_transfer
    WHERE account.floor IS NULL
      AND credit = account.id
    ORDER BY credit_offset DESC
    LIMIT 1
) AS last_credit ON TRUE
LEFT JOIN LATERAL (
    SELECT debit_offset + amount AS total
    FROM ledger_transfer
    WHERE account.floor IS NULL
      AND debit = account.id
      AND debit_offset IS NOT NULL
    ORDER BY debit_offset DESC
    LIMIT 1
) AS last_debit ON TRUE
"""

READ_WALLET = f"""{COLUMNS}
WHERE account.owner = $1
  AND ($2::text IS NULL OR account.asset = $2)
ORDER BY account.asset, account.bucket
"""

READ_PAGE = f"""{COLUMNS}
WHERE account.id > $1
ORDER BY account.id
LIMIT $2
"""

READ_PLAYER = """
SELECT 1
FROM identity_v_player
WHERE id = $1
"""

# The transfer that holds a place of an axis: what a binary search over offsets asks for.
PROBE_CREDITS = """
SELECT asked.account, found.seq, found.leg, found.start, found.amount, found.after
FROM unnest($1::bigint[], $2::bigint[]) AS asked (account, place)
CROSS JOIN LATERAL (
    SELECT seq, leg, credit_offset AS start, amount, credit_after AS after
    FROM ledger_transfer
    WHERE credit = asked.account
      AND credit_offset <= asked.place
    ORDER BY credit_offset DESC
    LIMIT 1
) AS found
"""

PROBE_DEBITS = """
SELECT asked.account, found.seq, found.leg, found.start, found.amount, found.after
FROM unnest($1::bigint[], $2::bigint[]) AS asked (account, place)
CROSS JOIN LATERAL (
    SELECT seq, leg, debit_offset AS start, amount, debit_after AS after
    FROM ledger_transfer
    WHERE debit = asked.account
      AND debit_offset IS NOT NULL
      AND debit_offset <= asked.place
    ORDER BY debit_offset DESC
    LIMIT 1
) AS found
"""

# Holes lie anywhere on the axis, so an account's are all looked at: there is one for each
# claw-back. OFFSET 0 keeps the planner from walking the primary key instead.
LAST_HOLES = """
SELECT asked.account, found.seq, found.leg, found.after
FROM unnest($1::bigint[]) AS asked (account)
CROSS JOIN LATERAL (
    SELECT seq, leg, after
    FROM (
        SELECT seq, leg, debit_after AS after
        FROM ledger_transfer
        WHERE debit = asked.account
          AND lot_offset IS NOT NULL
        OFFSET 0
    ) AS hole
    WHERE seq <= $2
    ORDER BY seq DESC, leg DESC
    LIMIT 1
) AS found
"""


class AccountRow(NamedTuple):
    """An account with its totals."""

    id: int
    owner: str
    asset: str
    bucket: str
    credited: int
    spent: int
    clawed: int
    held: int
    floor: int | None
    frozen: str | None

    @property
    def balance(self) -> int:
        """Return C - S - K."""
        return self.credited - self.spent - self.clawed


class Position(NamedTuple):
    """Where an account stood: its C and S, and its balance."""

    credited: int
    spent: int
    balance: int


class _Last(NamedTuple):
    """The last transfer on one axis up to a seq: where it ends, and the balance after it."""

    end: int
    place: tuple[int, int]
    after: int


async def player_exists(driver: Driver, player_id: str) -> bool:
    """Say whether the tenant has this player."""
    return await driver.fetchval(READ_PLAYER, player_id) is not None


async def read_wallet(driver: Driver, owner: str, asset: str | None = None) -> list[AccountRow]:
    """Return an owner's accounts, by asset and bucket."""
    return [AccountRow(*row) for row in await driver.fetch(READ_WALLET, owner, asset)]


async def read_accounts(driver: Driver, after: int, limit: int) -> list[AccountRow]:
    """Return accounts in order of id."""
    return [AccountRow(*row) for row in await driver.fetch(READ_PAGE, after, limit)]


async def positions_at(
    driver: Driver, accounts: Sequence[AccountRow], seq: int
) -> dict[int, Position]:
    """Return where each account stood when entry `seq` was written.

    Offsets grow with seq, so each axis is searched by halves: some 30 index probes for an
    account of a billion coins, all accounts in one statement a step.
    """
    credits_ = await _search(driver, PROBE_CREDITS, {a.id: a.credited for a in accounts}, seq)
    debits = await _search(driver, PROBE_DEBITS, {a.id: a.spent for a in accounts}, seq)
    holes = {
        row[0]: _Last(0, (row[1], row[2]), row[3])
        for row in await driver.fetch(LAST_HOLES, [a.id for a in accounts], seq)
    }
    none = _Last(0, (0, 0), 0)
    found: dict[int, Position] = {}
    for account in accounts:
        credit, debit = credits_.get(account.id, none), debits.get(account.id, none)
        newest = max(credit, debit, holes.get(account.id, none), key=lambda last: last.place)
        found[account.id] = Position(credit.end, debit.end, newest.after)
    return found


async def _search(
    driver: Driver, probe: str, totals: Mapping[int, int], seq: int
) -> dict[int, _Last]:
    """Find the last transfer of each account with a seq of at most `seq`, on one axis."""
    found: dict[int, _Last] = {}
    # What is below `low` was written by then, what is at or above `high` was not.
    low, high = dict.fromkeys(totals, 0), dict(totals)
    places = {account: total - 1 for account, total in totals.items() if total > 0}
    while places:
        rows = await driver.fetch(probe, list(places), list(places.values()))
        for account, at, leg, start, amount, after in rows:
            if at <= seq:
                low[account] = start + amount
                found[account] = _Last(start + amount, (at, leg), after)
            else:
                high[account] = start
        met = {row[0] for row in rows}
        places = {
            account: (low[account] + high[account]) // 2
            for account in places
            if account in met and low[account] < high[account]
        }
    return found
