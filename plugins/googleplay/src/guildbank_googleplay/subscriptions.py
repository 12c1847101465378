"""How a subscription stands at Google, and each of its periods, whether notified of or not.

Google numbers the orders of a subscription: GPA.1 is the first, GPA.1..0 its first renewal. So all
of them are known by the newest one that was paid.
"""

from collections.abc import Iterable, Mapping

from guildbank.plugin_api import (
    MAX_REPORTED,
    EventKind,
    ProviderEvent,
    SubscriptionStand,
    SubscriptionState,
)
from guildbank_googleplay.api import Google
from guildbank_googleplay.objects import Subscription
from guildbank_googleplay.purchases import ORDER_ID, as_purchase, attempt_of
from guildbank_googleplay.tokens import GoogleFailed

_STATES: Mapping[str, SubscriptionState] = {
    "SUBSCRIPTION_STATE_ACTIVE": SubscriptionState.ACTIVE,
    # It was canceled by the player, who has it until its period ends.
    "SUBSCRIPTION_STATE_CANCELED": SubscriptionState.ACTIVE,
    "SUBSCRIPTION_STATE_IN_GRACE_PERIOD": SubscriptionState.GRACE,
    "SUBSCRIPTION_STATE_ON_HOLD": SubscriptionState.RETRYING,
    "SUBSCRIPTION_STATE_PAUSED": SubscriptionState.PAUSED,
    "SUBSCRIPTION_STATE_EXPIRED": SubscriptionState.EXPIRED,
}


async def fetch(google: Google, reference: str) -> SubscriptionStand | None:
    """Return how a subscription stands, by its first order; None where Google has none."""
    order = await google.order(reference) if ORDER_ID.fullmatch(reference) else None
    known = None if order is None else await google.subscription(order.purchase_token)
    if known is None:
        return None
    state, ends_at = _STATES.get(known.subscription_state), known.expires
    if state is None or ends_at is None:
        raise GoogleFailed("Google does not say how the subscription stands")
    return SubscriptionStand(
        state=state,
        ends_at=ends_at,
        renews=known.renews,
        events=tuple(_events(known)),
    )


def orders_of(newest: str) -> Iterable[str]:
    """Return the orders of a subscription up to the newest one, the oldest first."""
    base, _, number = newest.partition("..")
    count = int(number) + 1 if number.isdecimal() else 0
    numbers = range(max(0, count - MAX_REPORTED + 1), count)
    return [base, *(f"{base}..{one}" for one in numbers)]


def _events(known: Subscription) -> list[ProviderEvent]:
    attempt_id = attempt_of(as_purchase(known, None))
    newest = known.newest_order_id
    if attempt_id is None or not newest:
        return []
    return [
        ProviderEvent(
            external_id=f"period/{order_id}",
            kind=EventKind.PAYMENT,
            attempt_id=attempt_id,
            payment_reference=order_id,
        )
        for order_id in orders_of(newest)
    ]
