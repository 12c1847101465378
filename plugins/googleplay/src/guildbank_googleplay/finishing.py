"""Consuming: Google is told that a purchase was delivered, or gives the money back in three days.

https://developer.android.com/google/play/billing/integrate : consuming acknowledges as well, and
lets the player buy the product again. A subscription is acknowledged once, with its first period.
"""

from guildbank_googleplay import objects
from guildbank_googleplay.api import Google
from guildbank_googleplay.purchases import look_up


async def finish(google: Google, reference: str) -> None:
    """Consume a purchase, unless that was done, or there is nothing any more to be consumed.

    Raises GoogleFailed and NoAnswer, and is then to be called again.
    """
    found = await look_up(google, reference)
    if found is None or found.purchase.state != objects.PURCHASED:
        return
    if found.subscription is not None:
        if found.subscription.acknowledgement_state != objects.ACKNOWLEDGED:
            for product in found.subscription.line_items:
                await google.acknowledge(product.product_id, found.token)
        return
    for item in found.purchase.product_line_item:
        if item.product_offer_details.consumption_state != objects.CONSUMED:
            await google.consume(item.product_id, found.token)
