"""The question to the tenant's server: its body in version 1, which only grows."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from guildbank.plugin_api import Context, PurchaseView

KIND = "purchase"


class Purchase(msgspec.Struct, frozen=True, rename="camel"):
    """All that a gate sees of a purchase, in the words of the wire.

    Members are named one by one, so that what the core tells gates some day is sent only once
    somebody decides that it is.
    """

    tenant: str
    mode: str
    payment_id: str
    player_id: str
    purpose: str
    provider: str
    product_id: str
    amount_minor: int
    currency: str
    game_currency: str
    coins: int
    bonus: int
    country: str | None
    platform: str | None
    address: str | None
    address_country: str | None
    device: str | None
    age_confirmed_at: datetime | None
    annotations: Mapping[str, str]


class Question(msgspec.Struct, frozen=True):
    """The body. Its members are those of a webhook, so one receiver reads both."""

    type: str
    timestamp: datetime
    version: int
    data: Purchase


def question_of(context: Context, purchase: PurchaseView, version: int) -> bytes:
    """Return the body as it is signed and sent."""
    seen = Purchase(
        tenant=context.tenant,
        mode=context.mode,
        payment_id=purchase.payment_id,
        player_id=purchase.player_id,
        purpose=purchase.purpose,
        provider=purchase.provider,
        product_id=purchase.product_id,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        game_currency=purchase.game_currency,
        coins=purchase.coins,
        bonus=purchase.bonus,
        country=purchase.country,
        platform=purchase.platform,
        address=purchase.address,
        address_country=purchase.address_country,
        device=purchase.device,
        age_confirmed_at=purchase.age_confirmed_at,
        annotations=purchase.annotations,
    )
    return msgspec.json.encode(Question(KIND, context.now, version, seen))
