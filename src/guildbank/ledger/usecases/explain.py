"""Explain a transaction: its legs, and for the coins moved, the lots and payments behind them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.infra.database import Database
from guildbank.journal import Driver, entries_at
from guildbank.kernel import Refusal, parse_seq_id
from guildbank.kernel.ids import epoch_ms
from guildbank.ledger.contracts import HOUSE, Address, LotRef
from guildbank.ledger.lots import Holes, Interval, basis_of, to_credit_axis
from guildbank.ledger.provenance import Axis, Lot, overlapping, source_part
from guildbank.ledger.reading.lots import (
    EntryLeg,
    Purchase,
    holes_of_accounts,
    legs_of,
    lots_of_interval,
    purchases,
)

MAX_LOTS = 200
"""Lots that one leg's explanation lists; a spend of more says so."""

NO_TRANSACTION = Refusal(code="unknown_transaction", detail="There is no such transaction.")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Coins of one first lot: the entry that made it, and what these coins cost.

    `basis` is in minor units of `money`; both are None for coins that nobody paid for.
    """

    seq: int
    leg: int
    at: datetime
    kind: str
    coins: int
    payment: str | None = None
    money: str | None = None
    basis: int | None = None


class ExplainedLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer. `origins` are those of the coins moved, where they left a player's wallet or
    came back to it; `complete` is false when there are more than are listed.
    """

    leg: int
    debit: Address
    credit: Address
    amount: int
    debit_after: int
    credit_after: int
    restores: int | None
    origins: list[Origin]
    complete: bool


class Explained(msgspec.Struct, frozen=True):
    """An entry with all its transfers."""

    seq: int
    at: datetime
    kind: str
    principal: str
    data: bytes
    legs: list[ExplainedLeg]


class _Part(msgspec.Struct, frozen=True):
    """Coins of a first lot, counted from its start."""

    lot: Lot
    start: int
    end: int


async def explain(db: Database, schema: str, transaction_id: str) -> Explained | Refusal:
    """Return a transaction with the lots and payments behind it; or `unknown_transaction`."""
    named = parse_seq_id("txn", transaction_id)
    if named is None:
        return NO_TRANSACTION
    async with db.begin(schema, read_only=True) as tx:
        entry = (await entries_at(tx.driver, [named.seq])).get(named.seq)
        # The time in the id tells an entry of this tenant from one of another.
        if entry is None or epoch_ms(entry.at) != named.at_ms:
            return NO_TRANSACTION
        legs = [await _explain_leg(tx.driver, leg) for leg in await legs_of(tx.driver, [entry.seq])]
    return Explained(entry.seq, entry.at, entry.kind, entry.principal, entry.data, legs)


async def _explain_leg(driver: Driver, leg: EntryLeg) -> ExplainedLeg:
    parts: list[_Part] = []
    complete = True
    if leg.debit.owner != HOUSE and leg.debit.bucket != "debt":
        holes = await holes_of_accounts(driver, [leg.debit_id])
        if leg.debit_offset is not None:
            start = leg.debit_offset
            places = to_credit_axis(holes[leg.debit_id], start, start + leg.amount)
        else:
            start = leg.lot_offset or 0
            places = [Interval(start, start + leg.amount)]
        parts, complete = await _first_lots(driver, leg.debit_id, places, holes)
    elif leg.credit.owner != HOUSE and leg.credit.bucket != "debt":
        start = leg.credit_offset
        lot = [Interval(start, start + leg.amount)]
        parts, complete = await _first_lots(driver, leg.credit_id, lot, {})
    return ExplainedLeg(
        leg=leg.leg,
        debit=leg.debit,
        credit=leg.credit,
        amount=leg.amount,
        debit_after=leg.debit_after,
        credit_after=leg.credit_after,
        restores=leg.source_seq,
        origins=await _origins(driver, parts),
        complete=complete,
    )


async def _first_lots(
    driver: Driver, account: int, places: Sequence[Interval], holes: dict[int, Holes]
) -> tuple[list[_Part], bool]:
    """Follow coins back to their first lots, loading step by step; at most MAX_LOTS steps."""
    found: list[_Part] = []
    waiting = [(account, place) for place in places if place.length][::-1]
    left = MAX_LOTS
    while waiting and left > 0:
        owner, here = waiting.pop()
        lots = await lots_of_interval(driver, owner, here, left - 1)
        known = Interval(here.start, min(here.end, lots[-1].end)) if lots else here
        if known.end < here.end:
            waiting.append((owner, Interval(known.end, here.end)))
        deeper: list[tuple[int, Interval]] = []
        for lot, part in overlapping(known, lots):
            left -= 1
            source = source_part(lot, part)
            if source is None and not deeper:
                found.append(_Part(lot, part.start - lot.start, part.end - lot.start))
            elif source is None:
                # Coins before these are still to be followed: keep the order of coins.
                deeper.append((owner, part))
            elif source.axis is Axis.CREDIT:
                deeper.append((source.account, Interval(source.start, source.end)))
            else:
                if source.account not in holes:
                    holes.update(await holes_of_accounts(driver, [source.account]))
                back = to_credit_axis(holes[source.account], source.start, source.end)
                deeper.extend((source.account, place) for place in back)
        waiting.extend(reversed(deeper))
    return _joined(found), not waiting


def _joined(parts: Sequence[_Part]) -> list[_Part]:
    """Join neighbours of one lot."""
    found: list[_Part] = []
    for part in parts:
        if found and found[-1].lot == part.lot and found[-1].end == part.start:
            part = _Part(part.lot, found.pop().start, part.end)  # noqa: PLW2901 - they are one
        found.append(part)
    return found


async def _origins(driver: Driver, parts: Sequence[_Part]) -> list[Origin]:
    seqs = [part.lot.ref.seq for part in parts]
    entries = await entries_at(driver, seqs)
    bought = await purchases(driver, seqs)
    found = []
    for part in parts:
        ref = part.lot.ref
        purchase = bought.get(ref.seq)
        paid = purchase is not None and purchase.money is not None and ref.leg in purchase.before
        origin = Origin(
            seq=ref.seq,
            leg=ref.leg,
            at=entries[ref.seq].at,
            kind=entries[ref.seq].kind,
            coins=part.end - part.start,
        )
        if paid and purchase is not None:
            origin = msgspec.structs.replace(
                origin,
                payment=purchase.payment,
                money=purchase.money,
                basis=cost(purchase, ref, part.start, part.end),
            )
        found.append(origin)
    return found


def cost(purchase: Purchase, ref: LotRef, start: int, end: int) -> int:
    """Return what coins [start, end) of a lot of a purchase cost, in minor units."""
    before = purchase.before[ref.leg]
    return basis_of(purchase.coins, purchase.basis, before + start, before + end)
