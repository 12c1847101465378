"""A player's statement: newest first, with running balances, a bounded walk for each page."""

from datetime import datetime
from typing import Literal

import msgspec

from guildbank.infra.database import Database
from guildbank.journal import Driver, Entry, entries_at, seq_at, seq_before
from guildbank.kernel import Refusal
from guildbank.ledger.contracts import PLAYER_PREFIX
from guildbank.ledger.reading.accounts import (
    AccountRow,
    player_exists,
    positions_at,
    read_wallet,
)
from guildbank.ledger.reading.walk import Place, Row, read_rows
from guildbank.ledger.usecases.balances import BUCKETS, NO_PLAYER, NOW

BLOCK_ROWS = 200
MAX_SCANNED = 2_000
"""Rows that one page looks at; a filter that fits few of them gets a short page and a cursor."""


class Filters(msgspec.Struct, frozen=True):
    """What to show. Times are [since, until); `direction` is the amount's sign."""

    currency: str | None = None
    bucket: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    direction: Literal["in", "out"] | None = None


class StatementCursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row of a page, and where each account's walk goes on."""

    before: tuple[int, int, int]
    places: list[tuple[int, int, int, int]]


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a bucket: `amount` is negative when coins left.

    `balance` is the bucket's afterwards, `total` the currency's in all buckets but debt (None when
    the statement is of one bucket). `other` is the account on the other side, `owner/bucket`.
    """

    seq: int
    leg: int
    at: datetime
    kind: str
    currency: str
    bucket: str
    amount: int
    balance: int
    total: int | None
    other: str


class Statement(msgspec.Struct, frozen=True):
    """A page, and the cursor of what is older."""

    lines: list[StatementLine]
    next: StatementCursor | None


async def read_statement(
    db: Database,
    schema: str,
    player_id: str,
    filters: Filters,
    limit: int,
    after: StatementCursor | None = None,
) -> Statement | Refusal:
    """Return a page of a player's movements, of one currency or all; or `not_found`."""
    async with db.begin(schema, read_only=True) as tx:
        driver = tx.driver
        if not player_id.startswith(PLAYER_PREFIX) or not await player_exists(driver, player_id):
            return NO_PLAYER
        wallet = await read_wallet(driver, player_id, filters.currency)
        accounts = {a.id: a for a in wallet if filters.bucket in (None, a.bucket)}
        walk = _Walk(accounts, await _start(driver, accounts, filters, after))
        floor = 0 if filters.since is None else await seq_before(driver, filters.since)
        return await _page(driver, walk, filters, limit, floor)


async def _start(
    driver: Driver,
    accounts: dict[int, AccountRow],
    filters: Filters,
    after: StatementCursor | None,
) -> StatementCursor:
    """Return where the walk begins: after a page, before a time, or at the newest entry."""
    if after is not None:
        # A cursor comes from outside: only this player's accounts are walked.
        return StatementCursor(after.before, [one for one in after.places if one[0] in accounts])
    until = filters.until
    seq = await (seq_at(driver, NOW) if until is None else seq_before(driver, until))
    then = await positions_at(driver, list(accounts.values()), seq)
    return StatementCursor((seq + 1, -1, 0), [(account, *at) for account, at in then.items()])


class _Walk:
    """Where the walk stands in each account, going back row by row."""

    def __init__(self, accounts: dict[int, AccountRow], start: StatementCursor) -> None:
        self.accounts = accounts
        self.before = start.before
        self.places = {place[0]: Place(*place) for place in start.places}

    def total(self, currency: str) -> int:
        """Return the balance of all buckets but debt of a currency at this point."""
        owned = [(self.accounts[place.account], place) for place in self.places.values()]
        return sum(
            place.balance
            for account, place in owned
            if account.asset == currency and account.bucket in BUCKETS
        )

    def step(self, row: Row) -> None:
        """Go back over a row."""
        place = self.places[row.account]._replace(balance=row.after - row.amount)
        if row.axis == "credit":
            place = place._replace(credited=row.start)
        elif row.axis == "debit":
            place = place._replace(spent=row.start)
        self.places[row.account] = place
        self.before = (row.seq, row.leg, row.account)

    def cursor(self) -> StatementCursor:
        """Return where a later page goes on."""
        places = [
            (place.account, place.credited, place.spent, place.balance)
            for place in self.places.values()
        ]
        return StatementCursor(self.before, places)


async def _page(driver: Driver, walk: _Walk, filters: Filters, limit: int, floor: int) -> Statement:
    lines: list[StatementLine] = []
    scanned = 0
    while scanned < MAX_SCANNED:
        places = list(walk.places.values())
        rows = await read_rows(driver, places, walk.before, BLOCK_ROWS) if places else []
        entries = await entries_at(driver, [row.seq for row in rows])
        for row in rows:
            if row.seq <= floor:
                return Statement(lines, None)
            if len(lines) == limit:
                return Statement(lines, walk.cursor())
            entry = entries[row.seq]
            if _fits(row, entry, filters):
                lines.append(_line(row, entry, walk, filters))
            walk.step(row)
        scanned += len(rows)
        if len(rows) < BLOCK_ROWS:
            return Statement(lines, None)
    return Statement(lines, walk.cursor())


def _fits(row: Row, entry: Entry, filters: Filters) -> bool:
    if filters.direction is not None and (row.amount > 0) != (filters.direction == "in"):
        return False
    return filters.kind in (None, entry.kind)


def _line(row: Row, entry: Entry, walk: _Walk, filters: Filters) -> StatementLine:
    return StatementLine(
        seq=row.seq,
        leg=row.leg,
        at=entry.at,
        kind=entry.kind,
        currency=row.other_asset,
        bucket=walk.accounts[row.account].bucket,
        amount=row.amount,
        balance=row.after,
        total=walk.total(row.other_asset) if filters.bucket is None else None,
        other=f"{row.other_owner}/{row.other_bucket}",
    )
