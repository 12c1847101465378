"""Sell packs through payments: the store's side of the Fulfilment port."""

from guildbank.infra.database import Tx
from guildbank.journal import Look
from guildbank.kernel import Refusal
from guildbank.payments import AMOUNT_NOT_SOLD, Goods, Intent, Offer, Order, Quote, Wanted
from guildbank.store.contracts import UNKNOWN_PACK
from guildbank.store.rules import choose, quote
from guildbank.store.store import PACKS, packs_of


class PackFulfilment:
    """Quotes packs and says what a paid one credits. It never writes."""

    async def quote(self, look: Look, order: Order) -> Quote | Refusal:
        """Return what the order costs.

        Refusals: `unknown_pack`, `pack_inactive`, `pack_not_for_sale_in_currency`,
        `amount_out_of_range`.
        """
        pack = await look.get(PACKS, order.product_id)
        return UNKNOWN_PACK if pack is None else quote(pack, order)

    async def offer(self, tx: Tx, wanted: Wanted) -> Offer | Refusal:
        """Return the pack of exactly these coins, else one that sells any number of them.

        Refusal: `amount_not_sold`.
        """
        packs = await packs_of(tx.driver, wanted.currency)
        return choose(packs, wanted) or AMOUNT_NOT_SOLD

    def fulfil(self, intent: Intent) -> Goods | Refusal:
        """Return the coins that the payment's own version promised."""
        return Goods(currency=intent.currency, coins=intent.coins, bonus=intent.bonus)
