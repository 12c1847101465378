"""Take a player's coins for something in the game."""

from typing import ClassVar

from guildbank.journal import Draft, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import open_book
from guildbank.wallets.acts import UNKNOWN_CURRENCY, GatedAct, moved_draft
from guildbank.wallets.coins import debit
from guildbank.wallets.gates import note_spent

SPENT = "wallets.spent"


class SpendAct(GatedAct):
    """Spends in the currency's consumption order; gates may veto."""

    verb = "wallets.spend"
    is_record: ClassVar[bool] = True
    __slots__ = ()

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Debit the coins; refused: insufficient_funds, debt_outstanding, limit_exceeded, ..."""
        purse = self.purse(stage)
        if purse is None:
            return UNKNOWN_CURRENCY
        book = open_book(stage)
        refusal = debit(book, self.player_id, purse, self.amount)
        if refusal is not None:
            return refusal
        counted = self.pass_gates(stage, purse)
        if isinstance(counted, Refusal):
            return counted
        note_spent(stage, self.player_id, self.currency, self.amount)
        return moved_draft(stage, book, SPENT, self, self.amount)
