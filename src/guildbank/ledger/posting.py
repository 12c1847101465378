"""The ledger on the stage: post legs, place and release holds, inside any room's act."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec.structs import replace

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger.contracts import HOUSE, Address, Leg, LotRef, Moved, Spread
from guildbank.ledger.holding import Holding
from guildbank.ledger.holdings import HOLDINGS
from guildbank.ledger.rules import Book
from guildbank.ledger.store import LOTS, SPREADS, TRANSFERS


def account_needs(addresses: Iterable[Address]) -> list[Need]:
    """Return what must be loaded before these accounts are used."""
    return [(HOLDINGS, key) for key in {address[:2] for address in addresses}]


def holding_needs(owner: str, asset: str) -> list[Need]:
    """Return what must be loaded before accounts of this owner and the house are used."""
    return [(HOLDINGS, (owner, asset)), _house_need(asset)]


@lru_cache(maxsize=1024)
def _house_need(asset: str) -> Need:
    """Return the same tuple each time: nearly every act of a batch needs it."""
    return (HOLDINGS, (HOUSE, asset))


def leg_needs(legs: Iterable[Leg]) -> list[Need]:
    """Return what must be loaded before these legs are posted."""
    needs: list[Need] = []
    for leg in legs:
        needs.extend(account_needs((leg.credit, *leg.debits)))
        if leg.lot is not None:
            needs.extend(lot_needs([leg.lot], leg.debits))
    return needs


def open_book(stage: Stage, *, settling: bool = False) -> Book:
    """Return a book over the stage's accounts for the act at hand.

    An act that is `settling` what was begun before may use the accounts of a player who may start
    nothing any more.
    """
    return Book(
        stage.seq, stage.rows(HOLDINGS), stage.rows(LOTS), stage.rows(SPREADS), settling=settling
    )


def close_book(stage: Stage, book: Book) -> None:
    """Stage what the book changed; before this nothing has happened."""
    rows = stage.rows(HOLDINGS)
    for key, accounts in book.changed.items():
        holding = rows[key]
        stage.put(HOLDINGS, key, Holding(holding.owner, holding.cap, holding.problem, accounts))
    spread: dict[Address, Spread] = {}
    for transfer, debit, credit in book.moved:
        stage.log(TRANSFERS, transfer)
        # Later acts of the batch must see the holes and restored lots of this one, each once: the
        # book reads the stage, so all are worked out before the first is put there.
        if transfer.lot_offset is not None and stage.loaded(SPREADS, debit):
            spread[debit] = book.spread(debit)
        if transfer.source_seq is not None and stage.loaded(SPREADS, credit):
            spread[credit] = book.spread(credit)
    for address, changed in spread.items():
        stage.put(SPREADS, address, changed)


def balances_now(stage: Stage) -> dict[Address, int]:
    """Return the balance of every bucket of players that is loaded, as the act at hand sees it."""
    return {
        Address(owner, asset, bucket): account.balance
        for (owner, asset), holding in stage.rows(HOLDINGS).items()
        if owner != HOUSE
        for bucket, account in holding.accounts.items()
    }


def post(stage: Stage, legs: Sequence[Leg]) -> Sequence[Moved] | Refusal:
    """Post the legs, all or none; return the transfers they became."""
    book = open_book(stage)
    refusal = book.post(legs)
    if refusal is not None:
        return refusal
    close_book(stage, book)
    return book.moved


def bar(stage: Stage, owner: str, asset: str, code: str | None, *, forget: bool = False) -> None:
    """Mark all accounts of the holding: `code`, one of BARS, refuses what is started; None frees.

    With `forget` the reasons of freezes, which are free text, are replaced. The holding must be
    loaded; accounts that it has none of yet are opened with the mark.
    """
    holding: Holding = stage.rows(HOLDINGS)[owner, asset]
    accounts = {
        bucket: replace(
            account,
            problem=code,
            frozen="erased" if forget and account.frozen is not None else account.frozen,
            entry=stage.seq,
            ruled=True,
        )
        for bucket, account in holding.accounts.items()
    }
    stage.put(HOLDINGS, (owner, asset), Holding(owner, holding.cap, code, accounts))


def lot_needs(refs: Iterable[LotRef], addresses: Iterable[Address]) -> list[Need]:
    """Return what must be loaded before lots of these accounts are debited."""
    return [*((LOTS, ref) for ref in refs), *((SPREADS, address) for address in addresses)]
