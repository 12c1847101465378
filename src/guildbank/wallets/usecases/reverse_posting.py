"""Undo a raw posting: each of its legs by the opposite one, the last leg first.

What a player paid comes back as new lots that name the interval they restore; what a player got
is taken from the unspent part of its lot; between accounts of the house the way back is marked as
a return, so that it counts. Debts that a credit repaid stay repaid.
"""

from collections.abc import Iterable, Sequence

from guildbank.journal import Need
from guildbank.kernel import Refusal
from guildbank.ledger import (
    HOUSE,
    Book,
    Leg,
    LotRef,
    Original,
    OriginalLeg,
    Restores,
    lot_needs,
)
from guildbank.ledger import account_needs as ledger_needs
from guildbank.wallets.coins import credit
from guildbank.wallets.contracts import LegPart


def posting_needs(original: Original) -> Iterable[Need]:
    """Return the accounts that the posting touched, and the lots that it made."""
    legs = _undoable(original)
    lots = [leg for leg in legs if leg.credit.owner != HOUSE]
    yield from ledger_needs(side for leg in legs for side in (leg.debit, leg.credit))
    yield from lot_needs(
        [LotRef(original.seq, leg.leg) for leg in lots], [leg.credit for leg in lots]
    )


def players_of(original: Original) -> frozenset[str]:
    """Return the players that the posting named."""
    sides = [side for leg in original.legs for side in (leg.debit, leg.credit)]
    return frozenset(side.owner for side in sides if side.owner != HOUSE)


def undo_posting(
    book: Book, original: Original, amount: int | None, parts: Sequence[LegPart] | None = None
) -> Refusal | None:
    """Undo all that is left, `amount` of a posting's only leg, or `parts` of its legs.

    Refused: partial_needs_one_leg, unknown_leg, exceeds_original (also where coins to take are
    spent or held).
    """
    legs = _undoable(original)
    if amount is not None:
        if len(legs) != 1:
            detail = f"This posting has {len(legs)} legs: name how much of which, in legs."
            return Refusal(code="partial_needs_one_leg", detail=detail, field="amount")
        parts = [LegPart(legs[0].leg, amount)]
    wanted = None if parts is None else {one.leg: one.amount for one in parts}
    if wanted is not None and (strange := wanted.keys() - {leg.leg for leg in legs}):
        detail = f"This posting has no leg {min(strange)} that is undone by itself."
        return Refusal(code="unknown_leg", detail=detail, field="legs")
    left = 0
    # Backwards, so that coins which a later leg spent are there again for an earlier one to take.
    for leg in reversed(legs):
        rest = _left(book, original, leg)
        take = rest if wanted is None else wanted.get(leg.leg, 0)
        if take > rest:
            return exceeds(rest, "amount" if amount is not None else "legs")
        left += rest
        if take and (refusal := _undo(book, original, leg, take)) is not None:
            return refusal
    return exceeds(0) if left == 0 else None


def _undoable(original: Original) -> list[OriginalLeg]:
    """Return the legs that were asked for: a repaid debt is the only one between wallets."""
    return [leg for leg in original.legs if HOUSE in (leg.debit.owner, leg.credit.owner)]


def _left(book: Book, original: Original, leg: OriginalLeg) -> int:
    if leg.credit.owner == HOUSE:
        return leg.amount - leg.restored
    return leg.amount - book.clawed_from(LotRef(original.seq, leg.leg))


def _undo(book: Book, original: Original, leg: OriginalLeg, amount: int) -> Refusal | None:
    to, source = leg.debit, leg.credit
    if source.owner != HOUSE:
        lot = LotRef(original.seq, leg.leg)
        return book.post([Leg((source,), to, amount, lot=lot, forced=True)])
    restores = Restores(original.seq, leg.leg, leg.start + leg.restored)
    if to.owner == HOUSE:
        return book.post([Leg((source,), to, amount, restores=restores, forced=True)])
    return credit(
        book, to.owner, to.asset, to.bucket, amount, source, restores=restores, forced=True
    )


def exceeds(left: int, field: str = "amount") -> Refusal:
    """Return the refusal of a reversal above what is left of the original."""
    return Refusal(
        code="exceeds_original",
        detail=f"{left} of this transaction are not reversed yet.",
        field=field,
        extra={"left": left},
    )
