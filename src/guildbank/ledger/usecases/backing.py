"""What money stands behind coins: the basis of every paid lot by what became of its coins."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from guildbank.infra.database import Database
from guildbank.journal import Driver
from guildbank.ledger.contracts import LotRef
from guildbank.ledger.fates import Fate, FateError, fates
from guildbank.ledger.lots import holes_of
from guildbank.ledger.provenance import AccountLots, Lot, ProvenanceError
from guildbank.ledger.reading.lots import (
    Purchase,
    holes_of_accounts,
    legs_of,
    lots_of_accounts,
    purchases,
)
from guildbank.ledger.reading.totals import READ_BACKED, READ_PAID_ACCOUNTS
from guildbank.ledger.usecases.explain import cost

PAGE_ACCOUNTS = 200
NEWEST = 2**63 - 1


class Share(msgspec.Struct, frozen=True):
    """Coins of one fate, and what they cost in minor units."""

    coins: int = 0
    basis: int = 0

    def plus(self, coins: int, basis: int) -> "Share":
        """Return the sum."""
        return Share(self.coins + coins, self.basis + basis)


class BackedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A paid lot of a player: what it cost and what became of its coins.

    `money` is None for paid coins that no money stands behind.
    """

    ref: LotRef
    account: int
    owner: str
    currency: str
    payment: str | None
    money: str | None
    coins: int
    basis: int
    unspent: Share
    spent: Share
    clawed: Share


class DamagedLots(NamedTuple):
    """An account whose lots contradict each other, and how."""

    account: int
    owner: str
    currency: str
    what: str


class PaidAccount(NamedTuple):
    """A player's paid bucket."""

    id: int
    owner: str
    asset: str
    spent: int


async def paid_lots(driver: Driver) -> AsyncIterator[BackedLot | DamagedLots]:
    """Yield every paid lot of the tenant, account by account; a page of accounts in memory."""
    after = -1
    while True:
        rows = await driver.fetch(READ_PAID_ACCOUNTS, after, PAGE_ACCOUNTS)
        accounts = [PaidAccount(*row) for row in rows]
        if not accounts:
            return
        for lot in await lots_of_paid(driver, accounts):
            yield lot
        after = accounts[-1].id


async def lots_of_paid(
    driver: Driver, accounts: list[PaidAccount]
) -> list[BackedLot | DamagedLots]:
    """Return the first lots of some paid accounts with the fates of their coins."""
    ids = [account.id for account in accounts]
    lots = await lots_of_accounts(driver, ids)
    firsts = [lot.ref.seq for own in lots.values() for lot in own if lot.source is None]
    bought = await purchases(driver, firsts)
    found: list[BackedLot | DamagedLots] = []
    for account in accounts:
        try:
            holes = (await holes_of_accounts(driver, [account.id]))[account.id]
            known = AccountLots(_own(lots[account.id], account.id), holes or holes_of(()))
            found.extend(_backed(account, known, bought))
        except (FateError, ProvenanceError, ValueError) as damage:
            found.append(DamagedLots(*account[:3], str(damage)))
    return found


def _own(lots: list[Lot], account: int) -> tuple[Lot, ...]:
    """Coins that came from another account were used up there: here they are new."""
    return tuple(
        lot if lot.source is None or lot.source.account == account else lot._replace(source=None)
        for lot in lots
    )


def _backed(
    account: PaidAccount, known: AccountLots, bought: dict[int, Purchase]
) -> list[BackedLot]:
    shares: dict[LotRef, dict[Fate, Share]] = {}
    firsts = {lot.ref: lot for lot in known.lots if lot.source is None}
    for lot, part, fate in fates(known, account.spent):
        purchase = bought.get(lot.ref.seq)
        basis = 0
        if purchase is not None and lot.ref.leg in purchase.before:
            basis = cost(purchase, lot.ref, part.start, part.end)
        own = shares.setdefault(lot.ref, {})
        own[fate] = own.get(fate, Share()).plus(part.length, basis)
    found = []
    for ref, lot in firsts.items():
        own = shares.get(ref, {})
        purchase = bought.get(ref.seq)
        found.append(
            BackedLot(
                ref=ref,
                account=account.id,
                owner=account.owner,
                currency=account.asset,
                payment=purchase.payment if purchase else None,
                money=purchase.money if purchase else None,
                coins=lot.end - lot.start,
                basis=sum(share.basis for share in own.values()),
                unspent=own.get(Fate.UNSPENT, Share()),
                spent=own.get(Fate.SPENT, Share()),
                clawed=own.get(Fate.CLAWED, Share()),
            )
        )
    return found


class BackedPage(msgspec.Struct, frozen=True):
    """Lots of some payments, newest first; `next` is where older ones begin (None: no more)."""

    lots: list[BackedLot]
    next: int | None


async def list_backing(
    db: Database, schema: str, money: str, limit: int, before: int = NEWEST
) -> BackedPage:
    """Return the lots behind which a money stands, payment by payment: law 2 drilled down."""
    async with db.begin(schema, read_only=True) as tx:
        rows = await tx.driver.fetch(READ_BACKED, money, before, limit + 1)
        seqs = [row[0] for row in rows[:limit]]
        refs = [
            (LotRef(leg.seq, leg.leg), leg.credit_id)
            for leg in await legs_of(tx.driver, seqs)
            if leg.makes_paid_lot
        ]
        wanted = {ref for ref, _ in refs}
        lots: list[BackedLot] = []
        for account in await _accounts(tx.driver, {owner for _, owner in refs}):
            for lot in await lots_of_paid(tx.driver, [account]):
                if isinstance(lot, BackedLot) and lot.ref in wanted:
                    lots.append(lot)
    lots.sort(key=lambda lot: lot.ref, reverse=True)
    return BackedPage(lots, rows[limit - 1][1] if len(rows) > limit else None)


async def _accounts(driver: Driver, ids: set[int]) -> list[PaidAccount]:
    found: list[PaidAccount] = []
    for one in sorted(ids):
        rows = await driver.fetch(READ_PAID_ACCOUNTS, one - 1, 1)
        found.extend(PaidAccount(*row) for row in rows)
    return found
