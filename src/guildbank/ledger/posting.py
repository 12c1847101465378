"""The ledger on the stage: post legs, place and release holds, inside any room's act."""

from collections.abc import Iterable, Sequence

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger.contracts import Account, Address, Leg, LotRef, Moved, Spread
from guildbank.ledger.rules import Book
from guildbank.ledger.store import ACCOUNTS, LOTS, SPREADS, TRANSFERS


def account_needs(addresses: Iterable[Address]) -> list[Need]:
    """Return what must be loaded before these accounts are used."""
    return [(ACCOUNTS, address) for address in addresses]


def leg_needs(legs: Iterable[Leg]) -> list[Need]:
    """Return what must be loaded before these legs are posted."""
    needs: list[Need] = []
    for leg in legs:
        needs.append((ACCOUNTS, leg.credit))
        needs.extend((ACCOUNTS, address) for address in leg.debits)
        if leg.lot is not None:
            needs.extend(lot_needs([leg.lot], leg.debits))
    return needs


def open_book(stage: Stage) -> Book:
    """Return a book over the stage's accounts for the act at hand."""

    def account(address: Address) -> Account:
        found = stage.get(ACCOUNTS, address)
        if found is None:
            raise LookupError(f"{address} was not loaded")
        return found

    return Book(
        stage.seq,
        account,
        lambda ref: stage.get(LOTS, ref),
        lambda address: stage.get(SPREADS, address) or Spread(),
    )


def close_book(stage: Stage, book: Book) -> None:
    """Stage what the book changed; before this nothing has happened."""
    for address, account in book.changed.items():
        stage.put(ACCOUNTS, address, account)
    for transfer, debit, credit in book.moved:
        stage.log(TRANSFERS, transfer)
        # Later acts of the batch must see the holes and restored lots of this one.
        if transfer.lot_offset is not None and stage.loaded(SPREADS, debit):
            stage.put(SPREADS, debit, book.spread(debit))
        if transfer.source_seq is not None and stage.loaded(SPREADS, credit):
            stage.put(SPREADS, credit, book.spread(credit))


def post(stage: Stage, legs: Sequence[Leg]) -> Sequence[Moved] | Refusal:
    """Post the legs, all or none; return the transfers they became."""
    book = open_book(stage)
    refusal = book.post(legs)
    if refusal is not None:
        return refusal
    close_book(stage, book)
    return book.moved


def lot_needs(refs: Iterable[LotRef], addresses: Iterable[Address]) -> list[Need]:
    """Return what must be loaded before lots of these accounts are debited."""
    return [*((LOTS, ref) for ref in refs), *((SPREADS, address) for address in addresses)]
