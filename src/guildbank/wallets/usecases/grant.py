"""Give a player free coins."""

from typing import ClassVar

from guildbank.journal import Draft, Sealed, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import house, open_book
from guildbank.wallets.acts import UNKNOWN_CURRENCY, WalletAct, moved_draft
from guildbank.wallets.coins import credit
from guildbank.wallets.contracts import ISSUE, Grant

GRANTED = "wallets.granted"


class GrantAct(WalletAct):
    """Grants go to the free bucket only: paid coins come from payments."""

    verb = "wallets.grant"
    is_record: ClassVar[bool] = True
    __slots__ = ("amount",)

    def __init__(
        self, principal: str, key: str | None, command: Grant, payload: Sealed | None = None
    ) -> None:
        super().__init__(principal, key, command, payload)
        self.amount = command.amount

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Credit the coins; refused: unknown_currency, currency_inactive, ceiling_exceeded."""
        purse = self.purse(stage)
        if purse is None:
            return UNKNOWN_CURRENCY
        book = open_book(stage)
        source = house(self.currency, ISSUE)
        refusal = credit(
            book, self.player_id, self.currency, "free", self.amount, source, rules=purse.currency
        )
        return refusal or moved_draft(stage, book, GRANTED, self, self.amount)
