"""The row of a subscription that a store sells, and what is said of it."""

from datetime import datetime

import msgspec

from guildbank.plugin_api import SubscriptionState

FREE_PERIOD = "free_period"
"""Why a payment credited nothing: a store's free period, of which the settings say so."""
OTHER_PRODUCT = "product_differs"
"""Why money is booked aside: what the store sold is no pack of the payment's."""
FREE_PERIOD_BEGAN = "payments.free_period"
SUBSCRIPTION_CHANGED = "payments.subscription_changed"
MAX_SHOWN = 100
"""Subscriptions of one player that are listed, the newest ones."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A player's subscription at a store, which calls it `reference`.

    `payment_id` is the payment of its newest period, `product_id` what that one was of, `began_at`
    and `ends_at` how long it lasts. No money hangs on it: each period has a payment of its own.
    """

    id: str
    provider: str
    reference: str
    player_id: str
    payment_id: str
    product_id: str
    state: SubscriptionState
    renews: bool
    began_at: datetime
    ends_at: datetime
    created_at: datetime
    changed_at: datetime
