"""Answers as Google words them.

https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.productsv2 , .../orders ,
.../purchases.subscriptionsv2 , .../purchases.voidedpurchases , and https://developer.android.com/google/play/billing/rtdn-reference
"""

from base64 import b64encode
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from guildbank.kernel import epoch_ms
from guildbank_lab.google.records import App, Sale, Subscription

Json = dict[str, Any]
PURCHASED, CANCELLED, PENDING = "PURCHASED", "CANCELLED", "PENDING"
BOUGHT, CANCELED = 1, 2
"""Types of a notification about a one-time product."""
_SUBSCRIPTION, _ONE_TIME, _ALL = 1, 2, 1


def purchase(sale: Sale, effect: str | None) -> Json:
    """Return a purchase as it stands; wrong in the way that an effect says."""
    wish = sale.wish
    item: Json = {
        "productId": "example.other" if effect == "OTHER_PRODUCT" else wish.product,
        "productOfferDetails": {
            "quantity": wish.quantity,
            "refundableQuantity": 0 if sale.voided is not None else wish.quantity,
            "consumptionState": "CONSUMPTION_STATE_CONSUMED"
            if sale.consumed
            else "CONSUMPTION_STATE_YET_TO_BE_CONSUMED",
        },
    }
    answer: Json = {
        "kind": "androidpublisher#productPurchaseV2",
        "productLineItem": [item],
        "purchaseStateContext": {"purchaseState": effect if effect == PENDING else sale.state},
        "orderId": sale.order_id,
        "regionCode": wish.region,
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"
        if sale.consumed
        else "ACKNOWLEDGEMENT_STATE_PENDING",
    }
    if sale.state != PENDING:
        answer["purchaseCompletionTime"] = _time(sale.bought)
    if wish.test and effect != "REAL":
        answer["testPurchaseContext"] = {"fopType": "TEST"}
    names = {
        "obfuscatedExternalAccountId": "other" if effect == "OTHER_ACCOUNT" else wish.account,
        "obfuscatedExternalProfileId": "other" if effect == "OTHER_PROFILE" else wish.profile,
    }
    return answer | {name: value for name, value in names.items() if value is not None}


def order(sale: Sale, effect: str | None) -> Json:
    """Return the order of a purchase."""
    wish, total = sale.wish, money(sale.wish.price, sale.wish.currency)
    details: Json = {"oneTimePurchaseDetails": {"quantity": wish.quantity}}
    if sale.ends is not None:
        period = {
            "servicePeriodStartTime": _time(sale.bought),
            "servicePeriodEndTime": _time(sale.ends),
            "offerPhase": "BASE" if wish.price else "FREE_TRIAL",
        }
        details = {"subscriptionDetails": {"basePlanId": "monthly", **period}}
    answer: Json = {
        "orderId": sale.order_id,
        "purchaseToken": "x" * 24 if effect == "OTHER_TOKEN" else sale.token,
        "state": _state(sale),
        "createTime": _time(sale.bought),
        "buyerAddress": {"buyerCountry": wish.region},
        "total": total,
        "tax": money(Decimal(0), wish.currency),
        "lineItems": [
            {
                "productId": wish.product,
                "total": total,
                "listingPrice": total,
                **details,
            }
        ],
    }
    if sale.voided is not None:
        refund = {"eventTime": _time(sale.voided), "refundDetails": {"total": total}}
        answer["orderHistory"] = {"refundEvent": refund}
    return answer


def voided(sale: Sale) -> Json:
    """Return a purchase as the list of voided ones has it."""
    return {
        "kind": "androidpublisher#voidedPurchase",
        "purchaseToken": sale.token,
        "purchaseTimeMillis": str(epoch_ms(sale.bought)),
        "voidedTimeMillis": str(epoch_ms(sale.voided or sale.bought)),
        "orderId": sale.order_id,
        "voidedSource": sale.source,
        "voidedReason": sale.reason,
    }


def bought(sale: Sale, kind: int) -> Json:
    """Return what is told of a purchase that was completed, or of a pending one canceled."""
    told = {"version": "1.0", "notificationType": kind, "sku": sale.wish.product}
    return {"oneTimeProductNotification": told | {"purchaseToken": sale.token}}


def gone(sale: Sale) -> Json:
    """Return what is told of a purchase that was voided."""
    names = {"purchaseToken": sale.token, "orderId": sale.order_id}
    kind = _ONE_TIME if sale.ends is None else _SUBSCRIPTION
    return {"voidedPurchaseNotification": names | {"productType": kind, "refundType": _ALL}}


def subscription(known: Subscription, newest: Sale) -> Json:
    """Return a subscription as it stands."""
    wish = known.wish
    plan = {"autoRenewEnabled": known.renews, "recurringPrice": money(wish.price, wish.currency)}
    answer: Json = {
        "kind": "androidpublisher#subscriptionPurchaseV2",
        "regionCode": wish.region,
        "startTime": _time(newest.bought),
        "subscriptionState": f"SUBSCRIPTION_STATE_{known.state}",
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"
        if known.acknowledged
        else "ACKNOWLEDGEMENT_STATE_PENDING",
        "lineItems": [
            {
                "productId": wish.product,
                "expiryTime": _time(known.ends),
                "latestSuccessfulOrderId": newest.order_id,
                "autoRenewingPlan": plan,
                "offerDetails": {"basePlanId": "monthly"},
            }
        ],
        "externalAccountIdentifiers": {
            "obfuscatedExternalAccountId": wish.account,
            "obfuscatedExternalProfileId": wish.profile,
        },
    }
    return answer | ({"testPurchase": {}} if wish.test else {})


def became(known: Subscription, kind: int) -> Json:
    """Return what is told of a subscription, by Google's number."""
    told = {"version": "1.0", "notificationType": kind, "subscriptionId": known.wish.product}
    return {"subscriptionNotification": told | {"purchaseToken": known.token}}


def push(app: App, message_id: str, told: Json, now: datetime) -> bytes:
    """Return the body that Pub/Sub posts."""
    notification = {
        "version": "1.0",
        "packageName": app.package_name,
        "eventTimeMillis": str(epoch_ms(now)),
        **told,
    }
    message = {
        "data": b64encode(msgspec.json.encode(notification)).decode(),
        "messageId": message_id,
        "publishTime": _time(now),
    }
    return msgspec.json.encode({"message": message, "subscription": "projects/lab/subscriptions/x"})


def money(amount: Decimal, currency: str) -> Json:
    """Return an amount in units, as text, and billionths; what is nothing is left out."""
    units = int(amount)
    nanos = int((amount - units).scaleb(9))
    said: Json = {"currencyCode": currency}
    return said | ({"units": str(units)} if units else {}) | ({"nanos": nanos} if nanos else {})


def error(code: int, status: str, message: str) -> Json:
    """Return an error with Google's words."""
    return {"error": {"code": code, "message": message, "status": status}}


def _state(sale: Sale) -> str:
    if sale.voided is not None:
        return "REFUNDED"
    if sale.refunding:
        return "PENDING_REFUND"
    return {PURCHASED: "PROCESSED", PENDING: "PENDING"}.get(sale.state, "CANCELED")


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
