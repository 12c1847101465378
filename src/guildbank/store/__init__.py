"""The door of the store: what is for sale, coin packs and their prices.

Refusals: unknown_pack, pack_inactive, pack_not_for_sale_in_currency, amount_out_of_range,
unknown_currency, invalid_value.
"""

from guildbank.store.contracts import OpenAmount, Pack, PackDraft, Price
from guildbank.store.usecases import Store
from guildbank.store.usecases.sell import PackFulfilment

__all__ = ["OpenAmount", "Pack", "PackDraft", "PackFulfilment", "Price", "Store"]
