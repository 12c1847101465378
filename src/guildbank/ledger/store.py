"""SQL of the ledger's hot path: accounts, lots, holds and transfers under the journal lock."""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, ClassVar

import msgspec

from guildbank.journal import Driver
from guildbank.ledger.contracts import (
    PLAYER_PREFIX,
    Account,
    Address,
    Hold,
    HoldLine,
    LotRef,
    LotState,
    Restored,
    Spread,
    Transfer,
)

# Accounts without a floor keep no running row: their totals are those of their last transfers,
# found by the two unique indexes. The filter on `floor` is checked once a row, before the index.
READ_ACCOUNTS = """
SELECT account.owner, account.asset, account.bucket, account.id,
       coalesce(last_credit.total, account.credited), coalesce(last_debit.total, account.spent),
       account.clawed, account.held, account.floor, account.ceiling, account.frozen, asset.cap
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (owner, asset, bucket)
JOIN ledger_account AS account
  ON account.owner = asked.owner
 AND account.asset = asked.asset
 AND account.bucket = asked.bucket
JOIN ledger_asset AS asset ON asset.code = account.asset
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

# Accounts that were never used: may they be opened, and under which number?
READ_UNOPENED = """
SELECT asked.owner, asked.asset, asked.bucket, asset.cap, player.id IS NOT NULL,
       nextval('ledger_account_id')
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (owner, asset, bucket)
LEFT JOIN ledger_asset AS asset ON asset.code = asked.asset
LEFT JOIN identity_v_player AS player ON player.id = asked.owner
"""

OPEN_ACCOUNTS = """
INSERT INTO ledger_account
    (id, owner, asset, bucket, credited, spent, clawed, held, floor, ceiling, frozen)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])
"""

SAVE_ACCOUNTS = """
UPDATE ledger_account AS account
SET credited = new.credited, spent = new.spent, clawed = new.clawed, held = new.held,
    ceiling = new.ceiling, frozen = new.frozen
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::text[]) AS new (id, credited, spent, clawed, held, ceiling, frozen)
WHERE account.id = new.id
"""

WRITE_TRANSFERS = """
INSERT INTO ledger_transfer
    (seq, leg, debit, credit, amount, debit_offset, lot_offset, credit_offset, debit_after,
     credit_after, source_seq, source_leg, source_start)
SELECT *
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
            $12::smallint[], $13::bigint[])
"""

READ_LOTS = """
SELECT lot.seq, lot.leg, account.owner, account.asset, account.bucket, lot.credit_offset,
       lot.credit_offset + lot.amount
FROM unnest($1::bigint[], $2::smallint[]) AS asked (seq, leg)
JOIN ledger_transfer AS lot ON lot.seq = asked.seq AND lot.leg = asked.leg
JOIN ledger_account AS account ON account.id = lot.credit
"""

READ_SPREADS = """
SELECT account.owner, account.asset, account.bucket,
       ARRAY(
           SELECT ARRAY[hole.lot_offset, hole.amount]
           FROM ledger_transfer AS hole
           WHERE hole.debit = account.id
             AND hole.lot_offset IS NOT NULL
           ORDER BY hole.lot_offset
       ),
       ARRAY(
           SELECT ARRAY[back.credit_offset, back.amount, back.source_start,
                        (taken.lot_offset IS NOT NULL)::int]
           FROM ledger_transfer AS back
           JOIN ledger_transfer AS taken
             ON taken.seq = back.source_seq
            AND taken.leg = back.source_leg
            AND taken.debit = back.credit
           WHERE back.credit = account.id
             AND back.source_seq IS NOT NULL
           ORDER BY back.credit_offset
       )
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (owner, asset, bucket)
JOIN ledger_account AS account
  ON account.owner = asked.owner
 AND account.asset = asked.asset
 AND account.bucket = asked.bucket
"""

READ_HOLDS = """
SELECT seq, placed_at, owner, asset, amount, captured, released, state, expires_at, lines, counters
FROM ledger_hold
WHERE seq = ANY($1::bigint[])
"""

SAVE_HOLDS = """
INSERT INTO ledger_hold
    (seq, placed_at, owner, asset, amount, captured, released, state, expires_at, lines, counters)
SELECT *
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::text[], $9::timestamptz[], $10::text[], $11::text[])
ON CONFLICT (seq) DO UPDATE
SET captured = excluded.captured, released = excluded.released, state = excluded.state,
    lines = excluded.lines
"""

_LINES = msgspec.json.Decoder(tuple[HoldLine, ...])
_NAMES = msgspec.json.Decoder(tuple[str, ...])
_TRANSFER = Struct(">qhqqqqqqqqqhq")


class Accounts:
    """The shelf of accounts by address. A miss is an account that may or may not be opened."""

    order: ClassVar[int] = 40

    async def load(self, driver: Driver, keys: Sequence[Address]) -> Mapping[Address, Account]:
        """Return every key: opened accounts, those yet to open, and those with a `problem`."""
        found: dict[Address, Account] = {}
        for row in await driver.fetch(READ_ACCOUNTS, *_columns(keys)):
            found[Address(row[0], row[1], row[2])] = Account(*row[3:12])
        missing = [key for key in keys if key not in found]
        if missing:
            for row in await driver.fetch(READ_UNOPENED, *_columns(missing)):
                address = Address(row[0], row[1], row[2])
                found[address] = _unopened(address, cap=row[3], player=row[4], number=row[5])
        return found

    async def save(self, driver: Driver, changed: Mapping[Address, Account]) -> None:
        """Open new accounts and write totals; a house account's totals are in its transfers."""
        new = [(key, account) for key, account in changed.items() if not account.opened]
        old = [
            account
            for account in changed.values()
            if account.opened and (account.floor is not None or account.frozen is not None)
        ]
        if new:
            await driver.execute(
                OPEN_ACCOUNTS,
                *zip(
                    *(
                        (a.id, *key, a.credited, a.spent, a.clawed, a.held, a.floor, a.ceiling,
                         a.frozen)
                        for key, a in new
                    ),
                    strict=True,
                ),
            )  # fmt: skip
        if old:
            await driver.execute(
                SAVE_ACCOUNTS,
                [a.id for a in old], [a.credited for a in old], [a.spent for a in old],
                [a.clawed for a in old], [a.held for a in old], [a.ceiling for a in old],
                [a.frozen for a in old],
            )  # fmt: skip
        for _, account in new:
            account.opened = True


def _unopened(address: Address, cap: int | None, player: bool, number: int) -> Account:
    owned = address.owner.startswith(PLAYER_PREFIX)
    problem = None
    if cap is None:
        problem = "unknown_asset"
    elif owned and not player:
        problem = "unknown_account"
    floor = 0 if owned and address.bucket != "debt" else None
    return Account(number, floor=floor, cap=cap or 0, opened=False, problem=problem)


def _columns(keys: Sequence[Address]) -> tuple[list[str], list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]


class Lots:
    """The shelf of lots by the transfer that made them; read only."""

    order: ClassVar[int] = 41

    async def load(self, driver: Driver, keys: Sequence[LotRef]) -> Mapping[LotRef, LotState]:
        """Return the lots that exist."""
        rows = await driver.fetch(READ_LOTS, [key.seq for key in keys], [key.leg for key in keys])
        return {
            LotRef(row[0], row[1]): LotState(Address(row[2], row[3], row[4]), row[5], row[6])
            for row in rows
        }

    async def save(self, driver: Driver, changed: Mapping[LotRef, LotState]) -> None:
        """Refuse: lots follow from transfers."""
        raise TypeError("lots are read only")


class Spreads:
    """The shelf of accounts' holes and restored lots. They follow from transfers."""

    order: ClassVar[int] = 41

    async def load(self, driver: Driver, keys: Sequence[Address]) -> Mapping[Address, Spread]:
        """Return every key, with nothing for accounts that are not opened."""
        found: dict[Address, Spread] = dict.fromkeys(keys, Spread())
        for row in await driver.fetch(READ_SPREADS, *_columns(keys)):
            holes = tuple((start, length) for start, length in row[3])
            back = tuple(Restored(start, n, at, bool(flag)) for start, n, at, flag in row[4])
            found[Address(row[0], row[1], row[2])] = Spread(holes, back)
        return found

    async def save(self, driver: Driver, changed: Mapping[Address, Spread]) -> None:
        """Do nothing: later acts of the batch saw the change, and its transfers hold it."""


class Holds:
    """The shelf of holds by the entry that placed them."""

    order: ClassVar[int] = 42

    async def load(self, driver: Driver, keys: Sequence[int]) -> Mapping[int, Hold]:
        """Return the holds that exist."""
        return {row[0]: _hold(row) for row in await driver.fetch(READ_HOLDS, keys)}

    async def save(self, driver: Driver, changed: Mapping[int, Hold]) -> None:
        """Insert or update the holds."""
        await driver.execute(
            SAVE_HOLDS,
            *zip(
                *(
                    (h.seq, h.placed_at, h.owner, h.asset, h.amount, h.captured, h.released,
                     h.state, h.expires_at, msgspec.json.encode(h.lines).decode(),
                     msgspec.json.encode(h.counters).decode())
                    for h in changed.values()
                ),
                strict=True,
            ),
        )  # fmt: skip


def _hold(row: Sequence[Any]) -> Hold:
    return Hold(
        seq=row[0], placed_at=row[1], owner=row[2], asset=row[3], amount=row[4], captured=row[5],
        released=row[6], state=row[7], expires_at=row[8], lines=_LINES.decode(row[9]),
        counters=_NAMES.decode(row[10]),
    )  # fmt: skip


class Transfers:
    """The chained log of transfers."""

    order: ClassVar[int] = 40

    def canonical(self, row: Transfer) -> bytes:
        """Return the row as fixed-width big-endian numbers, -1 where it has none."""
        return _TRANSFER.pack(*[-1 if value is None else value for value in row])

    async def write(self, driver: Driver, rows: Sequence[Transfer]) -> None:
        """Insert the rows of a batch."""
        await driver.execute(WRITE_TRANSFERS, *zip(*rows, strict=True))


ACCOUNTS = Accounts()
LOTS = Lots()
SPREADS = Spreads()
HOLDS = Holds()
TRANSFERS = Transfers()
