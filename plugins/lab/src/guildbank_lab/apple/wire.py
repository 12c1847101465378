"""Payloads as Apple words them.

https://developer.apple.com/documentation/appstoreserverapi/jwstransactiondecodedpayload and
https://developer.apple.com/documentation/appstoreservernotifications/responsebodyv2decodedpayload
"""

from datetime import datetime
from typing import Any

from guildbank.kernel import epoch_ms
from guildbank_lab.apple.records import App, Sale

Json = dict[str, Any]
SANDBOX = "Sandbox"
NOT_FOUND, BAD_TOKEN_OF_PAGES, BAD_CONSENT = 4040010, 4000014, 4000035


def transaction(sale: Sale, now: datetime) -> Json:
    """Return the payload of a transaction."""
    bought = epoch_ms(sale.bought)
    payload: Json = {
        "transactionId": sale.transaction_id,
        "originalTransactionId": sale.transaction_id,
        "bundleId": sale.app.bundle_id,
        "productId": sale.product,
        "purchaseDate": bought,
        "originalPurchaseDate": bought,
        "quantity": sale.quantity,
        "type": sale.kind,
        "inAppOwnershipType": "PURCHASED",
        "signedDate": epoch_ms(now),
        "environment": SANDBOX,
        "transactionReason": "PURCHASE",
        "storefront": "DEU",
        "storefrontId": "143443",
        "price": sale.price,
        "currency": sale.currency,
    }
    if sale.token is not None:
        payload["appAccountToken"] = sale.token
    if sale.revoked is not None:
        whole = sale.percentage is None
        payload |= {
            "revocationDate": epoch_ms(sale.revoked),
            "revocationReason": 0,
            "revocationType": "REFUND_FULL" if whole else "REFUND_PRORATED",
            "revocationPercentage": 100_000 if whole else sale.percentage,
        }
    return payload


def notification(app: App, kind: str, uuid: str, signed: str | None, now: datetime) -> Json:
    """Return the payload of a notification, with what is signed within it."""
    data: Json = {
        "appAppleId": app.app_apple_id,
        "bundleId": app.bundle_id,
        "bundleVersion": "1",
        "environment": SANDBOX,
    }
    if signed is not None:
        data["signedTransactionInfo"] = signed
    if kind == "CONSUMPTION_REQUEST":
        data["consumptionRequestReason"] = "UNINTENDED_PURCHASE"
    return {
        "notificationType": kind,
        "notificationUUID": uuid,
        "version": "2.0",
        "signedDate": epoch_ms(now),
        "data": data,
    }


def error(code: int, message: str) -> Json:
    """Return an error with Apple's number."""
    return {"errorCode": code, "errorMessage": message}
