"""What Google says, as far as it is read.

https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.productsv2 , .../orders ,
.../purchases.subscriptionsv2 , .../purchases.voidedpurchases ;
https://developer.android.com/google/play/billing/rtdn-reference
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

PURCHASED, CANCELLED, PENDING = "PURCHASED", "CANCELLED", "PENDING"
"""States of a purchase."""
CONSUMED = "CONSUMPTION_STATE_CONSUMED"
ACKNOWLEDGED = "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"
REFUNDED, CANCELED, PENDING_REFUND = "REFUNDED", "CANCELED", "PENDING_REFUND"
PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
"""States of an order, which spells differently."""
PROCESSED_SUCCESSFULLY = "PROCESSED_SUCCESSFULLY"


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Anything that Google says; what is not named is not read."""


class Money(Answer, frozen=True):
    """An amount: whole units, which come as text, and billionths of one."""

    currency_code: str = ""
    units: int | str = 0
    nanos: int = 0


class Offer(Answer, frozen=True):
    """How a product was bought; without a quantity it is one."""

    quantity: int | None = None
    consumption_state: str = ""
    rent_offer_details: dict[str, Any] | None = None


class Item(Answer, frozen=True):
    """A product of a purchase."""

    product_id: str = ""
    product_offer_details: Offer = Offer()


class PurchaseState(Answer, frozen=True):
    """Where a purchase stands."""

    purchase_state: str = ""


class Purchase(Answer, frozen=True):
    """A purchase, under its token; `test_purchase_context` is there for tests alone."""

    product_line_item: Sequence[Item] = ()
    purchase_state_context: PurchaseState = PurchaseState()
    test_purchase_context: dict[str, Any] | None = None
    order_id: str = ""
    obfuscated_external_account_id: str = ""
    obfuscated_external_profile_id: str = ""

    @property
    def state(self) -> str:
        """Where it stands, in Google's word."""
        return self.purchase_state_context.purchase_state

    @property
    def is_test(self) -> bool:
        """Whether nobody paid."""
        return self.test_purchase_context is not None


class RefundDetails(Answer, frozen=True):
    """How much went back, with tax."""

    total: Money | None = None


class PartialRefund(Answer, frozen=True):
    """A part that went back."""

    state: str = ""
    refund_details: RefundDetails = RefundDetails()


class OrderHistory(Answer, frozen=True):
    """What became of an order."""

    partial_refund_events: Sequence[PartialRefund] = ()


class PaidPeriod(Answer, frozen=True):
    """Of which period of a subscription an order is."""

    service_period_start_time: datetime | None = None
    service_period_end_time: datetime | None = None


class OrderItem(Answer, frozen=True):
    """A product of an order; one of a subscription says of which period."""

    product_id: str = ""
    subscription_details: PaidPeriod | None = None


class Order(Answer, frozen=True):
    """An order: `total` is what the customer paid, discounts and taxes taken into account."""

    order_id: str = ""
    purchase_token: str = ""
    state: str = ""
    total: Money | None = None
    order_history: OrderHistory = OrderHistory()
    line_items: Sequence[OrderItem] = ()

    @property
    def period(self) -> PaidPeriod | None:
        """Of which period it is, None of a one-time product."""
        found = (one.subscription_details for one in self.line_items)
        return next((one for one in found if one is not None), None)


class AutoRenewing(Answer, frozen=True):
    """Whether it renews by itself."""

    auto_renew_enabled: bool = False


class SubscribedItem(Answer, frozen=True):
    """A product of a subscription, until when it is had, and the newest order that was paid."""

    product_id: str = ""
    expiry_time: datetime | None = None
    auto_renewing_plan: AutoRenewing = AutoRenewing()
    latest_successful_order_id: str = ""


class Accounts(Answer, frozen=True):
    """The names under which it was bought."""

    obfuscated_external_account_id: str = ""
    obfuscated_external_profile_id: str = ""


class Subscription(Answer, frozen=True):
    """A subscription, under its token; `test_purchase` is there for tests alone."""

    line_items: Sequence[SubscribedItem] = ()
    subscription_state: str = ""
    start_time: datetime | None = None
    acknowledgement_state: str = ""
    test_purchase: dict[str, Any] | None = None
    external_account_identifiers: Accounts = Accounts()

    @property
    def newest_order_id(self) -> str:
        """The newest order that was paid, empty where none was."""
        found = (one.latest_successful_order_id for one in self.line_items)
        return next((one for one in found if one), "")

    @property
    def expires(self) -> datetime | None:
        """Until when it is had."""
        return max((one.expiry_time for one in self.line_items if one.expiry_time), default=None)

    @property
    def renews(self) -> bool:
        """Whether it renews by itself."""
        return any(one.auto_renewing_plan.auto_renew_enabled for one in self.line_items)


class Voided(Answer, frozen=True):
    """A purchase whose money went back. `voided_time_millis` comes as text."""

    order_id: str = ""
    purchase_token: str = ""
    voided_time_millis: int | str = 0
    voided_reason: int = 0


class Pagination(Answer, frozen=True):
    """Where the next page begins."""

    next_page_token: str = ""


class VoidedPage(Answer, frozen=True):
    """Purchases whose money went back, the oldest first."""

    voided_purchases: Sequence[Voided] = ()
    token_pagination: Pagination = Pagination()


class AccessToken(msgspec.Struct, frozen=True):
    """What lets a call be made, for some seconds."""

    access_token: str
    expires_in: int


class Message(Answer, frozen=True):
    """A message of Pub/Sub, its data in base64."""

    data: str
    message_id: str


class Push(Answer, frozen=True):
    """What Pub/Sub posts."""

    message: Message


class OneTime(Answer, frozen=True):
    """A purchase was completed (1), or a pending one canceled (2)."""

    purchase_token: str
    notification_type: int = 0


class SubscriptionTold(Answer, frozen=True):
    """Something became of a subscription, in Google's number."""

    purchase_token: str
    notification_type: int = 0


class VoidedTold(Answer, frozen=True):
    """Money went back: of a subscription (1) or one-time product (2), all (1) or by quantity."""

    purchase_token: str = ""
    order_id: str = ""
    product_type: int = 0
    refund_type: int = 0


class Notification(Answer, frozen=True):
    """A notification; of each kind at most one is there."""

    package_name: str
    one_time_product_notification: OneTime | None = None
    subscription_notification: SubscriptionTold | None = None
    voided_purchase_notification: VoidedTold | None = None
