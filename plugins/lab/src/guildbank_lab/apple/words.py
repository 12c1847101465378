"""By which words Apple notifies of a purchase.

https://developer.apple.com/documentation/appstoreservernotifications/notificationtype , without
what names no transaction: `EXTERNAL_PURCHASE_TOKEN`, `RESCIND_CONSENT` and `TEST`.
"""

from typing import Literal

Type = Literal[
    "CONSUMPTION_REQUEST", "DID_CHANGE_RENEWAL_PREF", "DID_CHANGE_RENEWAL_STATUS",
    "DID_FAIL_TO_RENEW", "DID_RENEW", "EXPIRED", "GRACE_PERIOD_EXPIRED", "METADATA_UPDATE",
    "MIGRATION", "OFFER_REDEEMED", "ONE_TIME_CHARGE", "PRICE_CHANGE", "PRICE_INCREASE", "REFUND",
    "REFUND_DECLINED", "REFUND_REVERSED", "RENEWAL_EXTENDED", "RENEWAL_EXTENSION", "REVOKE",
    "SUBSCRIBED",
]  # fmt: skip
Subtype = Literal[
    "ACCEPTED", "AUTO_RENEW_DISABLED", "AUTO_RENEW_ENABLED", "BILLING_RECOVERY", "BILLING_RETRY",
    "DOWNGRADE", "FAILURE", "GRACE_PERIOD", "INITIAL_BUY", "PENDING", "PRICE_INCREASE",
    "PRODUCT_NOT_FOR_SALE", "RESUBSCRIBE", "SUMMARY", "UNREPORTED", "UPGRADE", "VOLUNTARY",
]  # fmt: skip
