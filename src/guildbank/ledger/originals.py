"""The shelf of entries to be reversed: their transfers, and how much of each is undone already."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

import msgspec

from guildbank.journal import Rows, Statement
from guildbank.ledger.contracts import Address

# The last column is what was given back already. Entries that moved nothing have one row.
READ = """
SELECT entry.seq, entry.written_at, entry.kind, entry.data, transfer.leg, transfer.amount,
       debit.owner, debit.asset, debit.bucket, credit.owner, credit.asset, credit.bucket,
       coalesce(transfer.debit_offset, transfer.lot_offset),
       (SELECT coalesce(sum(back.amount), 0)::bigint
        FROM ledger_transfer AS back
        WHERE back.source_seq = transfer.seq
          AND back.source_leg = transfer.leg)
FROM journal_v_entry AS entry
LEFT JOIN ledger_transfer AS transfer ON transfer.seq = entry.seq
LEFT JOIN ledger_account AS debit ON debit.id = transfer.debit
LEFT JOIN ledger_account AS credit ON credit.id = transfer.credit
WHERE entry.seq = ANY($1::bigint[])
ORDER BY entry.seq, transfer.leg
"""


class OriginalLeg(NamedTuple):
    """One transfer of the entry; `start` is where it began on the debit account's axis.

    `restored` was given back of it already.
    """

    leg: int
    amount: int
    debit: Address
    credit: Address
    start: int
    restored: int


class Original(msgspec.Struct, frozen=True):
    """An entry with its transfers, none where it moved nothing."""

    seq: int
    at: datetime
    kind: str
    data: bytes
    legs: tuple[OriginalLeg, ...]


class Originals:
    """Entries by position; read only."""

    order: ClassVar[int] = 43
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[int]) -> Statement:
        """Read the entries that exist."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[int], rows: Rows) -> Mapping[int, Original]:
        """Return the entries by position."""
        legs: dict[int, list[OriginalLeg]] = {}
        heads: dict[int, tuple[datetime, str, bytes]] = {}
        for row in rows:
            heads[row[0]] = (row[1], row[2], row[3].encode())
            own = legs.setdefault(row[0], [])
            if row[4] is not None:
                sides = Address(*row[6:9]), Address(*row[9:12])
                own.append(OriginalLeg(row[4], row[5], *sides, *row[12:14]))
        return {seq: Original(seq, *heads[seq], tuple(legs[seq])) for seq in heads}

    def saving(self, changed: Mapping[int, Original]) -> Sequence[Statement]:
        """Do nothing: later acts of the batch saw what was undone, and its transfers hold it."""
        return ()


ORIGINALS = Originals()
