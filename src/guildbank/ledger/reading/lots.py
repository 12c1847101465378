"""Lots, holes and their origins: what a trace of coins loads, step by step."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guildbank.journal import Driver, entries_at
from guildbank.ledger.contracts import Address, LotRef
from guildbank.ledger.lots import Holes, Interval, holes_of
from guildbank.ledger.provenance import Axis, Lot, Source

LOT = """
SELECT lot.seq, lot.leg, lot.credit, lot.credit_offset, lot.amount, lot.source_start,
       taken.debit, taken.debit_offset IS NOT NULL
"""

SOURCE = """
LEFT JOIN ledger_transfer AS taken ON taken.seq = lot.source_seq AND taken.leg = lot.source_leg
"""

# The lot that holds the interval's first coin, and those that begin inside it.
READ_LOTS_OF_INTERVAL = f"""{LOT}
FROM (
    (
        SELECT seq, leg, credit, credit_offset, amount, source_seq, source_leg, source_start
        FROM ledger_transfer
        WHERE credit = $1
          AND credit_offset <= $2
        ORDER BY credit_offset DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT seq, leg, credit, credit_offset, amount, source_seq, source_leg, source_start
        FROM ledger_transfer
        WHERE credit = $1
          AND credit_offset > $2
          AND credit_offset < $3
        ORDER BY credit_offset
        LIMIT $4
    )
) AS lot{SOURCE}
ORDER BY lot.credit_offset
"""  # noqa: S608 - constants of this file

READ_LOTS_OF_ACCOUNTS = f"""{LOT}
FROM ledger_transfer AS lot{SOURCE}
WHERE lot.credit = ANY($1::bigint[])
ORDER BY lot.credit, lot.credit_offset
"""

READ_HOLES = """
SELECT debit, lot_offset, amount
FROM ledger_transfer
WHERE debit = ANY($1::bigint[])
  AND lot_offset IS NOT NULL
"""

READ_LEGS = """
SELECT transfer.seq, transfer.leg, transfer.amount, transfer.debit, transfer.credit,
       debit.owner, debit.asset, debit.bucket, credit.owner, credit.asset, credit.bucket,
       transfer.debit_offset, transfer.lot_offset, transfer.credit_offset,
       transfer.debit_after, transfer.credit_after, transfer.source_seq
FROM ledger_transfer AS transfer
JOIN ledger_account AS debit ON debit.id = transfer.debit
JOIN ledger_account AS credit ON credit.id = transfer.credit
WHERE transfer.seq = ANY($1::bigint[])
ORDER BY transfer.seq, transfer.leg
"""


class EntryLeg(NamedTuple):
    """A transfer of an entry, with the addresses of its accounts."""

    seq: int
    leg: int
    amount: int
    debit_id: int
    credit_id: int
    debit: Address
    credit: Address
    debit_offset: int | None
    lot_offset: int | None
    credit_offset: int
    debit_after: int
    credit_after: int
    source_seq: int | None

    @property
    def makes_paid_lot(self) -> bool:
        """Say whether it is the first credit of coins that somebody paid for."""
        player = self.credit.owner != "house"
        return player and self.credit.bucket == "paid" and self.source_seq is None


class Purchase(msgspec.Struct, frozen=True):
    """What an entry that credited paid coins cost.

    `basis` is in minor units of `money`, for `coins` in all; `before` says for each leg how many
    of them came with earlier legs. `payment` is None for paid coins without a payment.
    """

    seq: int
    payment: str | None
    money: str | None
    basis: int
    coins: int
    before: dict[int, int]


class _Facts(msgspec.Struct):
    payment: str | None = None


_FACTS = msgspec.json.Decoder(_Facts)


async def lots_of_interval(
    driver: Driver, account: int, interval: Interval, limit: int
) -> tuple[Lot, ...]:
    """Return the lots that an interval of the credit axis touches, at most `limit` + 1."""
    rows = await driver.fetch(READ_LOTS_OF_INTERVAL, account, *interval, limit)
    return tuple(_lot(row) for row in rows)


async def lots_of_accounts(driver: Driver, accounts: Sequence[int]) -> dict[int, list[Lot]]:
    """Return all lots of some accounts, in order."""
    found: dict[int, list[Lot]] = {account: [] for account in accounts}
    for row in await driver.fetch(READ_LOTS_OF_ACCOUNTS, accounts):
        found[row[2]].append(_lot(row))
    return found


def _lot(row: Sequence[int]) -> Lot:
    seq, leg, _, start, amount, source_start, owner, fifo = row
    source = None
    if owner is not None:
        axis = Axis.FIFO if fifo else Axis.CREDIT
        source = Source(owner, source_start, source_start + amount, axis)
    return Lot(LotRef(seq, leg), start, start + amount, source)


async def holes_of_accounts(driver: Driver, accounts: Sequence[int]) -> dict[int, Holes]:
    """Return the holes of some accounts; raises ValueError where two overlap."""
    taken: dict[int, list[Interval]] = {account: [] for account in accounts}
    for account, start, amount in await driver.fetch(READ_HOLES, accounts):
        taken[account].append(Interval(start, start + amount))
    return {account: holes_of(intervals) for account, intervals in taken.items()}


async def legs_of(driver: Driver, seqs: Sequence[int]) -> list[EntryLeg]:
    """Return the transfers of some entries, in order."""
    return [
        EntryLeg._make((*row[:5], Address(*row[5:8]), Address(*row[8:11]), *row[11:]))
        for row in await driver.fetch(READ_LEGS, seqs)
    ]


async def purchases(driver: Driver, seqs: Sequence[int]) -> dict[int, Purchase]:
    """Return what the paid coins of some entries cost; entries without paid coins are left out."""
    wanted = list(dict.fromkeys(seqs))
    if not wanted:
        return {}
    entries = await entries_at(driver, wanted)
    legs: dict[int, list[EntryLeg]] = {}
    for leg in await legs_of(driver, wanted):
        legs.setdefault(leg.seq, []).append(leg)
    found: dict[int, Purchase] = {}
    for seq, own in legs.items():
        before: dict[int, int] = {}
        coins = basis = 0
        money = payment = None
        for leg in own:
            if leg.makes_paid_lot:
                before[leg.leg] = coins
                coins += leg.amount
            elif leg.credit.owner == "house" and leg.credit.bucket == "backing":
                money, basis = leg.credit.asset, basis + leg.amount
        if coins and money is not None and seq in entries:
            payment = _payment(entries[seq].data)
        if coins:
            found[seq] = Purchase(seq, payment, money, basis, coins, before)
    return found


def _payment(data: bytes) -> str | None:
    try:
        return _FACTS.decode(data).payment
    except msgspec.DecodeError:
        return None
