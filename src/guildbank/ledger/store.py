"""SQL of the ledger's write path beside accounts: lots, holds and transfers."""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, ClassVar

import msgspec

from guildbank.journal import Rows, Statement
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
SELECT seq, placed_at, owner, asset, amount, captured, released, state, expires_at, lines, counters,
       kept_for
FROM ledger_hold
WHERE seq = ANY($1::bigint[])
"""

SAVE_HOLDS = """
INSERT INTO ledger_hold
    (seq, placed_at, owner, asset, amount, captured, released, state, expires_at, lines, counters,
     kept_for)
SELECT *
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[])
ON CONFLICT (seq) DO UPDATE
SET captured = excluded.captured, released = excluded.released, state = excluded.state,
    lines = excluded.lines
"""

_LINES = msgspec.json.Decoder(tuple[HoldLine, ...])
_NAMES = msgspec.json.Decoder(tuple[str, ...])
_TRANSFER = Struct(">qhqqqqqqqqqhq")
# For COPY: how many columns, then before each value its length, -1 where there is none.
_COLUMNS = Struct(">h").pack(13)
_NULL = Struct(">i").pack(-1)
_LEG = Struct(">ih")
_NUMBER = Struct(">iq")
_LEGS = (1, 11)
_FIFO = Struct(">hiqihiqiqiqiqiiqiqiqiii")


class Lots:
    """The shelf of lots by the transfer that made them; read only."""

    order: ClassVar[int] = 41
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[LotRef]) -> Statement:
        """Read the lots that exist."""
        return Statement(READ_LOTS, ([key.seq for key in keys], [key.leg for key in keys]))

    def read(self, keys: Sequence[LotRef], rows: Rows) -> Mapping[LotRef, LotState]:
        """Return the lots by their transfers."""
        return {
            LotRef(row[0], row[1]): LotState(Address(row[2], row[3], row[4]), row[5], row[6])
            for row in rows
        }

    def saving(self, changed: Mapping[LotRef, LotState]) -> Sequence[Statement]:
        """Refuse: lots follow from transfers."""
        raise TypeError("lots are read only")


class Spreads:
    """The shelf of accounts' holes and restored lots. They follow from transfers."""

    order: ClassVar[int] = 41
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[Address]) -> Statement:
        """Read the spreads of accounts that are opened."""
        return Statement(READ_SPREADS, tuple(map(list, zip(*keys, strict=True))))

    def read(self, keys: Sequence[Address], rows: Rows) -> Mapping[Address, Spread]:
        """Return every key, with nothing for accounts that are not opened."""
        found: dict[Address, Spread] = dict.fromkeys(keys, Spread())
        for row in rows:
            holes = tuple((start, length) for start, length in row[3])
            back = tuple(Restored(start, n, at, bool(flag)) for start, n, at, flag in row[4])
            found[Address(row[0], row[1], row[2])] = Spread(holes, back)
        return found

    def saving(self, changed: Mapping[Address, Spread]) -> Sequence[Statement]:
        """Do nothing: later acts of the batch saw the change, and its transfers hold it."""
        return ()


class Holds:
    """The shelf of holds by the entry that placed them."""

    order: ClassVar[int] = 42
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[int]) -> Statement:
        """Read the holds that exist."""
        return Statement(READ_HOLDS, (keys,))

    def read(self, keys: Sequence[int], rows: Rows) -> Mapping[int, Hold]:
        """Return the holds by position."""
        return {row[0]: _hold(row) for row in rows}

    def saving(self, changed: Mapping[int, Hold]) -> Sequence[Statement]:
        """Insert or update the holds."""
        rows = [
            (h.seq, h.placed_at, h.owner, h.asset, h.amount, h.captured, h.released, h.state,
             h.expires_at, msgspec.json.encode(h.lines).decode(),
             msgspec.json.encode(h.counters).decode(), h.kept_for)
            for h in changed.values()
        ]  # fmt: skip
        return [Statement(SAVE_HOLDS, tuple(zip(*rows, strict=True)))]


def _hold(row: Sequence[Any]) -> Hold:
    return Hold(
        seq=row[0], placed_at=row[1], owner=row[2], asset=row[3], amount=row[4], captured=row[5],
        released=row[6], state=row[7], expires_at=row[8], lines=_LINES.decode(row[9]),
        counters=_NAMES.decode(row[10]), kept_for=row[11],
    )  # fmt: skip


class Transfers:
    """The chained log of transfers."""

    order: ClassVar[int] = 40
    table: ClassVar[str] = "ledger_transfer"

    def canonical(self, row: Transfer) -> bytes:
        """Return the row as fixed-width big-endian numbers, -1 where it has none."""
        if None in row:
            return _TRANSFER.pack(*[-1 if value is None else value for value in row])
        return _TRANSFER.pack(*row)

    def inserting(self, rows: Sequence[Transfer]) -> Statement:
        """Insert a few rows."""
        return Statement(WRITE_TRANSFERS, tuple(zip(*rows, strict=True)))

    def copied(self, row: Transfer) -> bytes:
        """Return the row as COPY takes it in binary form."""
        if row[6] is None and row[10] is None:
            # Most are FIFO debits and give nothing back: packed in one go.
            return _FIFO.pack(
                13, 8, row[0], 2, row[1], 8, row[2], 8, row[3], 8, row[4], 8, row[5], -1,
                8, row[7], 8, row[8], 8, row[9], -1, -1, -1,
            )  # fmt: skip
        values = [
            _NULL if one is None else _LEG.pack(2, one) if at in _LEGS else _NUMBER.pack(8, one)
            for at, one in enumerate(row)
        ]
        return b"".join((_COLUMNS, *values))


LOTS = Lots()
SPREADS = Spreads()
HOLDS = Holds()
TRANSFERS = Transfers()
