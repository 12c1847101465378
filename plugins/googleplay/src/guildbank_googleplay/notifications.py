"""Real-time developer notifications as events: hints, after which Google is asked.

https://developer.android.com/google/play/billing/rtdn-reference
"""

from base64 import b64decode

import msgspec

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_googleplay.api import Google
from guildbank_googleplay.objects import (
    Notification,
    OneTime,
    Push,
    SubscriptionTold,
    VoidedTold,
)
from guildbank_googleplay.purchases import Found, as_purchase, attempt_of, base_of, name_of
from guildbank_googleplay.refunds import reference_of
from guildbank_googleplay.reports import reason_of
from guildbank_googleplay.tokens import GoogleFailed

_PUSHES = msgspec.json.Decoder(Push)
_NOTIFICATIONS = msgspec.json.Decoder(Notification)
_SUBSCRIPTION, _ONE_TIME, _ALL = 1, 2, 1
_PAID = frozenset({1, 2, 4, 20})
"""Types that tell of money: recovered, renewed, purchased, and a pending purchase canceled."""


async def read(google: Google, body: bytes) -> ProviderEvent | WebhookRejected:
    """Return the event of a push that is known to be Google's.

    A notification names a token and no attempt, so that Google is asked whose purchase it is.
    Where it gives no answer this raises: the push is refused, and Pub/Sub sends it again.
    """
    try:
        message = _PUSHES.decode(body).message
        told = _NOTIFICATIONS.decode(b64decode(message.data, validate=True))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return WebhookRejected(code="malformed", detail="the body is no notification")
    if told.package_name != google.settings.package_name:
        return WebhookRejected(code="wrong_account", detail="It is about another app.")
    if told.one_time_product_notification is not None:
        return await _bought(google, message.message_id, told.one_time_product_notification)
    if told.subscription_notification is not None:
        return await _subscribed(google, message.message_id, told.subscription_notification)
    if told.voided_purchase_notification is not None:
        return await _voided(google, message.message_id, told.voided_purchase_notification)
    return _nothing(message.message_id)


async def _bought(google: Google, external_id: str, told: OneTime) -> ProviderEvent:
    purchase = await google.purchase(told.purchase_token)
    if purchase is None:
        raise GoogleFailed("Google does not show the purchase that it told of")
    attempt = attempt_of(purchase)
    if attempt is None:
        return _nothing(external_id)
    return ProviderEvent(
        external_id=external_id,
        kind=EventKind.PAYMENT,
        attempt_id=attempt,
        payment_reference=name_of(Found(told.purchase_token, purchase, None)),
    )


async def _subscribed(google: Google, external_id: str, told: SubscriptionTold) -> ProviderEvent:
    """Return the event of money for a period, or of a subscription that stands otherwise."""
    known = await google.subscription(told.purchase_token)
    if known is None:
        raise GoogleFailed("Google does not show the subscription that it told of")
    newest, purchase = known.newest_order_id, as_purchase(known, None)
    attempt = attempt_of(purchase)
    if attempt is None:
        # It was not begun here, so that there is nothing to be credited or shown.
        return _nothing(external_id)
    if told.notification_type in _PAID:
        return ProviderEvent(
            external_id=external_id,
            kind=EventKind.PAYMENT,
            attempt_id=attempt,
            payment_reference=name_of(Found(told.purchase_token, purchase, None)),
        )
    if not newest:
        return _nothing(external_id)
    return ProviderEvent(
        external_id=external_id,
        kind=EventKind.SUBSCRIPTION,
        subscription_reference=base_of(newest),
    )


async def _voided(google: Google, external_id: str, told: VoidedTold) -> ProviderEvent:
    """Return the event of money that went back; of several that were bought, only that of all.

    A notification does not say why. The list does, and where it does not yet, nobody waits for it.
    """
    of_period = told.product_type == _SUBSCRIPTION
    name = told.order_id or ("" if of_period else told.purchase_token)
    if told.product_type not in (_SUBSCRIPTION, _ONE_TIME) or told.refund_type != _ALL or not name:
        return _nothing(external_id)
    return ProviderEvent(
        external_id=external_id,
        kind=EventKind.REFUND,
        payment_reference=name,
        refund_reference=reference_of(name),
        reason=await reason_of(google, name),
        subscription_reference=base_of(name) if of_period else None,
    )


def _nothing(external_id: str) -> ProviderEvent:
    return ProviderEvent(external_id=external_id, kind=EventKind.IGNORED)
