"""Apple's notifications, version 2, as events: hints, after which Apple is asked."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.NotificationTypeV2 import NotificationTypeV2
from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import ResponseBodyV2DecodedPayload
from appstoreserverlibrary.models.Subtype import Subtype

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_appstore.api import Apple
from guildbank_appstore.refunds import reference_of
from guildbank_appstore.transactions import (
    Transaction,
    attempt_of,
    is_shared,
    subscription_of,
)
from guildbank_appstore.trust import Doubted, read_notification, read_transaction

OLDEST = timedelta(days=8)
"""Apple tries again for 157 hours."""
HISTORY = timedelta(days=180)
_KINDS: Mapping[NotificationTypeV2, EventKind] = {
    NotificationTypeV2.ONE_TIME_CHARGE: EventKind.PAYMENT,
    NotificationTypeV2.SUBSCRIBED: EventKind.PAYMENT,
    NotificationTypeV2.DID_RENEW: EventKind.PAYMENT,
    NotificationTypeV2.OFFER_REDEEMED: EventKind.PAYMENT,
    NotificationTypeV2.DID_CHANGE_RENEWAL_PREF: EventKind.SUBSCRIPTION,
    NotificationTypeV2.DID_CHANGE_RENEWAL_STATUS: EventKind.SUBSCRIPTION,
    NotificationTypeV2.DID_FAIL_TO_RENEW: EventKind.SUBSCRIPTION,
    NotificationTypeV2.GRACE_PERIOD_EXPIRED: EventKind.SUBSCRIPTION,
    NotificationTypeV2.EXPIRED: EventKind.SUBSCRIPTION,
    NotificationTypeV2.RENEWAL_EXTENDED: EventKind.SUBSCRIPTION,
    NotificationTypeV2.REFUND: EventKind.REFUND,
    NotificationTypeV2.REFUND_REVERSED: EventKind.REFUND,
    NotificationTypeV2.CONSUMPTION_REQUEST: EventKind.USAGE_ASKED,
}
"""Of all others nothing follows: REFUND_DECLINED, TEST, REVOKE of what a family shared."""


class _Body(msgspec.Struct, frozen=True):
    signedPayload: str  # noqa: N815 - Apple's own word


_BODIES = msgspec.json.Decoder(_Body)


def read(apple: Apple, body: bytes) -> ProviderEvent | WebhookRejected:
    """Return the event of a webhook's body, or why it is not believed."""
    try:
        signed = _BODIES.decode(body).signedPayload
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return WebhookRejected(code="malformed", detail="the body is no notification")
    try:
        return event_of(apple, signed, OLDEST)
    except Doubted as doubted:
        return WebhookRejected(code=doubted.code, detail=doubted.detail)


def event_of(apple: Apple, signed: str, oldest: timedelta) -> ProviderEvent:
    """Return the event of a signed notification; raises Doubted.

    A live tenant with reviewers hears of Apple's sandbox too.
    """
    settings, environment = apple.settings, apple.environment
    try:
        told = read_notification(settings, environment, signed, apple.now, oldest)
    except Doubted:
        if not settings.reviewers or environment is not Environment.PRODUCTION:
            raise
        environment = Environment.SANDBOX
        told = read_notification(settings, environment, signed, apple.now, oldest)
    if not told.notificationUUID:
        raise Doubted("malformed", "The notification has no id.")
    kind = _KINDS.get(told.notificationType) if told.notificationType else None
    if kind is None:
        return ProviderEvent(external_id=told.notificationUUID, kind=EventKind.IGNORED)
    transaction = _transaction_of(apple, environment, told)
    if is_shared(transaction):
        return ProviderEvent(external_id=told.notificationUUID, kind=EventKind.IGNORED)
    if told.subtype is Subtype.UPGRADE:
        # It is paid for at once; what else a player changes holds from the next period on.
        kind = EventKind.PAYMENT
    if kind is EventKind.SUBSCRIPTION and attempt_of(transaction) is None:
        # It was not begun here, so that there is nothing to be shown.
        return ProviderEvent(external_id=told.notificationUUID, kind=EventKind.IGNORED)
    if kind is EventKind.SUBSCRIPTION:
        return ProviderEvent(
            external_id=told.notificationUUID,
            kind=kind,
            subscription_reference=subscription_of(transaction),
        )
    refund = told.notificationType is NotificationTypeV2.REFUND
    return ProviderEvent(
        external_id=told.notificationUUID,
        kind=kind,
        attempt_id=attempt_of(transaction),
        payment_reference=transaction.transactionId,
        refund_reference=reference_of(transaction) if refund else None,
        reason=reason_of(transaction) if refund else None,
        subscription_reference=subscription_of(transaction) if refund else None,
    )


def _transaction_of(
    apple: Apple, environment: Environment, told: ResponseBodyV2DecodedPayload
) -> Transaction:
    signed = told.data.signedTransactionInfo if told.data is not None else None
    if signed is None:
        raise Doubted("malformed", "The notification names no transaction.")
    return read_transaction(apple.settings, environment, signed, apple.now)


def reason_of(transaction: Transaction) -> str:
    """Return why Apple gave money back: a problem of the app (1), or another (0)."""
    reason = transaction.revocationReason
    return "refunded" if reason is None else reason.name.lower()
