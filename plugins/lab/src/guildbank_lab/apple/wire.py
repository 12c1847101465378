"""Payloads as Apple words them.

https://developer.apple.com/documentation/appstoreserverapi/jwstransactiondecodedpayload and
https://developer.apple.com/documentation/appstoreservernotifications/responsebodyv2decodedpayload
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from guildbank.kernel import epoch_ms
from guildbank_lab.apple.records import App, Sale, Subscription

Json = dict[str, Any]
SANDBOX = "Sandbox"
GROUP = "21000000"
ACTIVE, EXPIRED, RETRYING, GRACE, REVOKED = range(1, 6)
"""Apple's numbers of how a subscription stands."""
NOT_FOUND, BAD_TOKEN_OF_PAGES, BAD_CONSENT = 4040010, 4000014, 4000035


def transaction(sale: Sale, now: datetime) -> Json:
    """Return the payload of a transaction."""
    bought = epoch_ms(sale.bought)
    payload: Json = {
        "transactionId": sale.transaction_id,
        "originalTransactionId": sale.original or sale.transaction_id,
        "bundleId": sale.app.bundle_id,
        "productId": sale.product,
        "purchaseDate": bought,
        "originalPurchaseDate": bought,
        "quantity": sale.quantity,
        "type": sale.kind,
        "inAppOwnershipType": "FAMILY_SHARED" if sale.shared else "PURCHASED",
        "signedDate": epoch_ms(now),
        "environment": SANDBOX,
        "transactionReason": "PURCHASE" if sale.is_first else "RENEWAL",
        "storefront": "DEU",
        "storefrontId": "143443",
        "price": sale.price,
        "currency": sale.currency,
    }
    if sale.token is not None:
        payload["appAccountToken"] = sale.token
    if sale.ends is not None:
        payload |= {"expiresDate": epoch_ms(sale.ends), "subscriptionGroupIdentifier": GROUP}
        if not sale.price:
            payload |= {"offerType": 1, "offerDiscountType": "FREE_TRIAL"}
    if sale.revoked is not None:
        whole = sale.percentage is None
        payload |= {
            "revocationDate": epoch_ms(sale.revoked),
            "revocationReason": 0,
            "revocationType": "REFUND_FULL" if whole else "REFUND_PRORATED",
            "revocationPercentage": 100_000 if whole else sale.percentage,
        }
    return payload


def renewal(known: Subscription, now: datetime) -> Json:
    """Return the payload of what is known of the next renewal."""
    payload: Json = {
        "originalTransactionId": known.original,
        "productId": known.wish.product,
        "autoRenewProductId": known.wish.product,
        "autoRenewStatus": 1 if known.renews else 0,
        "isInBillingRetryPeriod": known.status in (RETRYING, GRACE),
        "renewalDate": epoch_ms(known.ends),
        "renewalPrice": known.wish.price,
        "currency": known.wish.currency,
        "signedDate": epoch_ms(now),
        "environment": SANDBOX,
    }
    if known.status == EXPIRED:
        payload["expirationIntent"] = 1 if not known.renews else 2
    return payload


def notification(
    app: App, kind: str, subtype: str | None, uuid: str, signed: Mapping[str, str], now: datetime
) -> Json:
    """Return the payload of a notification, with what is signed within it."""
    data: Json = {
        "appAppleId": app.app_apple_id,
        "bundleId": app.bundle_id,
        "bundleVersion": "1",
        "environment": SANDBOX,
    }
    data |= signed
    if kind == "CONSUMPTION_REQUEST":
        data["consumptionRequestReason"] = "UNINTENDED_PURCHASE"
    told: Json = {} if subtype is None else {"subtype": subtype}
    return told | {
        "notificationType": kind,
        "notificationUUID": uuid,
        "version": "2.0",
        "signedDate": epoch_ms(now),
        "data": data,
    }


def error(code: int, message: str) -> Json:
    """Return an error with Apple's number."""
    return {"errorCode": code, "errorMessage": message}
