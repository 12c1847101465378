"""Bar the wallets of a player who may start nothing, in the commit that suspends or closes them.

Hot verbs read a wallet's accounts and no player. So the accounts bear the mark, and what a spend
reads and does is the same whether anybody is suspended or nobody.
"""

from collections.abc import Iterable

from guildbank.identity import PlayerState
from guildbank.journal import Need, Stage
from guildbank.ledger import account_needs, bar
from guildbank.wallets.contracts import wallet
from guildbank.wallets.purses import ALL, CODES


class BarWallets:
    """`identity.Follower`: marks the accounts of all currencies, those not opened yet included."""

    def needs(self, stage: Stage, player_id: str) -> Iterable[Need]:
        """Return the list of currencies, then the player's accounts in each."""
        if not stage.loaded(CODES, ALL):
            return ((CODES, ALL),)
        own = [wallet(player_id, code, "free") for code in stage.get(CODES, ALL) or ()]
        return account_needs(own)

    def follow(self, stage: Stage, player_id: str, state: PlayerState) -> None:
        """Mark the accounts, or free them for an active player."""
        code = None if state == "active" else "player_suspended"
        if state in ("closed", "erased"):
            code = "player_closed"
        for currency in stage.get(CODES, ALL) or ():
            bar(stage, player_id, currency, code, forget=state == "erased")
