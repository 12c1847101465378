"""SQL of the ledger's write path beside accounts: lots, holds and transfers."""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, ClassVar

import msgspec

from guildbank.journal import COPY_FROM_ROWS, Driver
from guildbank.ledger.contracts import (
    Address,
    Hold,
    HoldLine,
    LotRef,
    LotState,
    Restored,
    Spread,
    Transfer,
)

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
        """Insert rows of a batch."""
        if len(rows) >= COPY_FROM_ROWS:
            await driver.copy_records_to_table("ledger_transfer", records=rows)
        else:
            await driver.execute(WRITE_TRANSFERS, *zip(*rows, strict=True))


LOTS = Lots()
SPREADS = Spreads()
HOLDS = Holds()
TRANSFERS = Transfers()
