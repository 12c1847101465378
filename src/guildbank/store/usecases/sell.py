"""Sell packs through payments: the store's side of the Fulfilment port."""

from guildbank.infra.database import Tx
from guildbank.kernel import Refusal
from guildbank.payments import Goods, Intent, Order, Quote
from guildbank.store.contracts import UNKNOWN_PACK
from guildbank.store.rules import quote
from guildbank.store.store import newest_pack


class PackFulfilment:
    """Quotes packs and says what a paid one credits. It never writes."""

    async def quote(self, tx: Tx, order: Order) -> Quote | Refusal:
        """Return what the order costs.

        Refusals: `unknown_pack`, `pack_inactive`, `pack_not_for_sale_in_currency`,
        `amount_out_of_range`.
        """
        pack = await newest_pack(tx.driver, order.product_id)
        return UNKNOWN_PACK if pack is None else quote(pack, order)

    def fulfil(self, intent: Intent) -> Goods | Refusal:
        """Return the coins that the payment's own version promised."""
        return Goods(currency=intent.currency, coins=intent.coins, bonus=intent.bonus)
