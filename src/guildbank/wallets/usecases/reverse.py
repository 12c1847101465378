"""Undo a spend, a capture, a grant or a raw posting, whole or in part, by new postings.

A reversed spend gives the same coins back, as new lots that name the interval they restore. A
reversed grant takes the unspent part of its lot. Purchases are undone by refunds only.
"""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from guildbank.journal import Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal, TimedSeq
from guildbank.kernel.ids import epoch_ms
from guildbank.ledger import (
    HOUSE,
    ORIGINALS,
    Book,
    Leg,
    LotRef,
    Original,
    OriginalLeg,
    Restores,
    close_book,
    lot_needs,
    open_book,
)
from guildbank.wallets.acts import WalletAct, moved_draft
from guildbank.wallets.coins import account_needs, credit
from guildbank.wallets.contracts import BUCKETS, Reverse
from guildbank.wallets.usecases.grant import GRANTED
from guildbank.wallets.usecases.hold import CAPTURED
from guildbank.wallets.usecases.post import POSTED, posted_facts
from guildbank.wallets.usecases.reverse_posting import (
    exceeds,
    players_of,
    posting_needs,
    undo_posting,
)
from guildbank.wallets.usecases.spend import SPENT

REVERSED = "ledger.reversed"
_SPENDS = (SPENT, CAPTURED)
_REVERSIBLE = (*_SPENDS, GRANTED, POSTED)


UNKNOWN_TRANSACTION = Refusal(
    code="unknown_transaction", detail="There is no such transaction.", field="transactionId"
)

PARTS_OF_POSTINGS = Refusal(
    code="invalid_value",
    detail="Only a raw posting is undone by legs; name an amount.",
    field="legs",
)


class _Head(msgspec.Struct):
    player: str
    currency: str


_HEAD = msgspec.json.Decoder(_Head)


class ReverseAct(WalletAct):
    """Reverse the entry `seq`; `amount` None means all that is not reversed yet."""

    verb = "wallets.reverse"
    rounds: ClassVar[int] = 2
    is_record: ClassVar[bool] = True
    __slots__ = ("amount", "at_ms", "parts", "person", "seq")

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: Reverse,
        at: TimedSeq,
        payload: Sealed | None = None,
    ) -> None:
        # The player and currency are the original's, set once it is read.
        super(WalletAct, self).__init__(principal, key, command)
        self.person = command.player_id
        self.seq = at.seq
        self.at_ms = at.at_ms
        self.amount = command.amount
        self.parts = command.parts or None
        self.payload = payload
        self.player_id = self.currency = ""

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the original, then the accounts and lots that it touched."""
        if not stage.loaded(ORIGINALS, self.seq):
            return ((ORIGINALS, self.seq),)
        original = stage.get(ORIGINALS, self.seq)
        if original is None or original.kind not in _REVERSIBLE:
            return ()
        if original.kind == POSTED:
            return posting_needs(original)
        head = _HEAD.decode(original.data)
        self.player_id, self.currency = head.player, head.currency
        lots = [leg for leg in original.legs if _is_lot(leg)]
        return [
            *account_needs(head.player, head.currency),
            *lot_needs(
                [LotRef(original.seq, leg.leg) for leg in lots], [leg.credit for leg in lots]
            ),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Reverse; refused: unknown_transaction, not_reversible, exceeds_original.

        Further: invalid_value (a reason under a player who is not the transaction's), and
        partial_needs_one_leg or unknown_leg for a posting.
        """
        original = stage.get(ORIGINALS, self.seq)
        if original is None or epoch_ms(original.at) != self.at_ms:
            return UNKNOWN_TRANSACTION
        if original.kind not in _REVERSIBLE:
            return Refusal(
                code="not_reversible",
                detail=f"An entry of kind {original.kind} is not undone by a reversal. "
                "Purchases are refunded; a reversal stands.",
                field="transactionId",
            )
        posting = original.kind == POSTED
        persons = players_of(original) if posting else {self.player_id}
        if self.person is not None and self.person not in persons:
            return Refusal(
                code="invalid_value",
                detail="The transaction is not this player's.",
                field="playerId",
            )
        if posting:
            return self._posting(stage, original)
        if self.parts is not None:
            return PARTS_OF_POSTINGS
        book = open_book(stage)
        reverse = self._spend if original.kind in _SPENDS else self._grant
        amount = reverse(book, original)
        if isinstance(amount, Refusal):
            return amount
        # What this act restored counts for the next reversal in the same batch.
        stage.put(ORIGINALS, self.seq, _after(original, book))
        return moved_draft(stage, book, REVERSED, self, amount, original=self.seq)

    def _posting(self, stage: Stage, original: Original) -> Draft | Refusal:
        book = open_book(stage)
        refusal = undo_posting(book, original, self.amount, self.parts)
        if refusal is not None:
            return refusal
        stage.put(ORIGINALS, self.seq, _after(original, book))
        close_book(stage, book)
        done = posted_facts(book, self.payload, original=self.seq)
        return Draft(REVERSED, facts(done), self.payload)

    def _spend(self, book: Book, original: Original) -> int | Refusal:
        return _put_back(book, original, self.player_id, self.currency, self.amount)

    def _grant(self, book: Book, original: Original) -> int | Refusal:
        lot = next(leg for leg in original.legs if _is_lot(leg))
        ref = LotRef(original.seq, lot.leg)
        left = lot.amount - book.clawed_from(ref)
        amount = left if self.amount is None else self.amount
        if amount > left or amount == 0:
            return exceeds(left)
        refusal = book.post([Leg((lot.credit,), lot.debit, amount, lot=ref, forced=True)])
        return refusal or amount


def spend_left(stage: Stage, seq: int, player_id: str, currency: str) -> int:
    """Return how much of the spend `seq` of this wallet is not back; zero where it is none.

    The act names (ORIGINALS, seq) among its needs.
    """
    original = stage.get(ORIGINALS, seq)
    if original is None or original.kind not in _SPENDS:
        return 0
    head = _HEAD.decode(original.data)
    own = (head.player, head.currency) == (player_id, currency)
    return sum(leg.amount - leg.restored for leg in _spent_legs(original)) if own else 0


def reverse_spend(stage: Stage, book: Book, seq: int, player_id: str, currency: str) -> None:
    """Put back what is left of a spend, in the commit of another act, which names the needs of the
    wallet too. `spend_left` is not zero. Raises RuntimeError for a book that cannot take it.
    """
    original = stage.get(ORIGINALS, seq)
    assert original is not None, "its left part was asked for"
    amount = _put_back(book, original, player_id, currency, None)
    if isinstance(amount, Refusal):
        # What was there before fits again, so the book is damaged: the act must not go on.
        raise RuntimeError(f"spend {seq} could not be put back: {amount.code}")
    stage.put(ORIGINALS, seq, _after(original, book))


def _put_back(
    book: Book, original: Original, player_id: str, currency: str, wanted: int | None
) -> int | Refusal:
    """Credit what a spend took, the coins that went first before others; None means all of it."""
    legs = _spent_legs(original)
    left = sum(leg.amount - leg.restored for leg in legs)
    amount = left if wanted is None else wanted
    if amount > left or amount == 0:
        return exceeds(left)
    rest = amount
    for leg in legs:
        take = min(rest, leg.amount - leg.restored)
        if take == 0:
            continue
        restores = Restores(original.seq, leg.leg, leg.start + leg.restored)
        refusal = credit(
            book, player_id, currency, leg.debit.bucket, take, leg.credit,
            restores=restores, forced=True,
        )  # fmt: skip
        if refusal is not None:
            return refusal
        rest -= take
    return amount


def _spent_legs(original: Original) -> list[OriginalLeg]:
    return [leg for leg in original.legs if leg.debit.bucket in BUCKETS]


def _is_lot(leg: OriginalLeg) -> bool:
    return leg.debit.owner == HOUSE and leg.credit.bucket in BUCKETS


def _after(original: Original, book: Book) -> Original:
    restored: dict[int, int] = {}
    for transfer, _, _ in book.moved:
        if transfer.source_seq == original.seq and transfer.source_leg is not None:
            restored[transfer.source_leg] = restored.get(transfer.source_leg, 0) + transfer.amount
    legs = tuple(
        leg._replace(
            restored=leg.restored + restored.get(leg.leg, 0),
        )
        for leg in original.legs
    )
    return msgspec.structs.replace(original, legs=legs)
