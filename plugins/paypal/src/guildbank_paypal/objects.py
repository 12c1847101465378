"""The few fields of PayPal's objects that we read, so that the rest may change as it likes.

Sources: https://developer.paypal.com/docs/api/orders/v2/ , .../docs/api/payments/v2/ and
.../docs/api/payments.payouts-batch/v1/ .
"""

import msgspec


class Money(msgspec.Struct, frozen=True):
    """An amount as PayPal writes it."""

    currency_code: str
    value: str


class Link(msgspec.Struct, frozen=True):
    """Where an object leads: `payer-action`, `approve`, `up`."""

    href: str
    rel: str


class StatusDetails(msgspec.Struct, frozen=True):
    """Why an object has its status."""

    reason: str | None = None


class RelatedIds(msgspec.Struct, frozen=True):
    """What a capture belongs to."""

    order_id: str | None = None


class SupplementaryData(msgspec.Struct, frozen=True):
    """The envelope of the related ids."""

    related_ids: RelatedIds = RelatedIds()


class ProcessorResponse(msgspec.Struct, frozen=True):
    """What the processor of a card answered."""

    response_code: str | None = None


class Capture(msgspec.Struct, frozen=True):
    """Money taken, on its way, or refused."""

    id: str
    status: str
    amount: Money
    status_details: StatusDetails | None = None
    processor_response: ProcessorResponse | None = None
    custom_id: str | None = None
    supplementary_data: SupplementaryData | None = None


class Refund(msgspec.Struct, frozen=True):
    """Money given back, or on its way."""

    id: str
    status: str
    amount: Money | None = None
    status_details: StatusDetails | None = None
    custom_id: str | None = None
    links: tuple[Link, ...] = ()


class Payments(msgspec.Struct, frozen=True):
    """What has happened to an order's money."""

    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()


class Unit(msgspec.Struct, frozen=True):
    """The one purchase unit of our orders."""

    reference_id: str = "default"
    custom_id: str | None = None
    payments: Payments = Payments()


class Order(msgspec.Struct, frozen=True):
    """An order."""

    id: str
    status: str
    purchase_units: tuple[Unit, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def custom_id(self) -> str:
        """What we wrote on the order."""
        return (self.purchase_units[0].custom_id or "") if self.purchase_units else ""

    @property
    def capture(self) -> Capture | None:
        """The order's one capture: an order of intent CAPTURE is captured once and whole."""
        captures = self.purchase_units[0].payments.captures if self.purchase_units else ()
        return captures[0] if captures else None

    @property
    def refunds(self) -> tuple[Refund, ...]:
        """What was given back."""
        return self.purchase_units[0].payments.refunds if self.purchase_units else ()


class PayoutMoney(msgspec.Struct, frozen=True):
    """An amount as the Payouts API names its parts."""

    currency: str
    value: str


class SenderBatch(msgspec.Struct, frozen=True):
    """What we called a batch."""

    sender_batch_id: str = ""


class PayoutHeader(msgspec.Struct, frozen=True):
    """A batch of payouts."""

    payout_batch_id: str
    batch_status: str
    sender_batch_header: SenderBatch = SenderBatch()


class PaidItem(msgspec.Struct, frozen=True):
    """What was asked of an item."""

    amount: PayoutMoney
    sender_item_id: str | None = None


class ItemError(msgspec.Struct, frozen=True):
    """Why an item has its status."""

    name: str | None = None


class PayoutItem(msgspec.Struct, frozen=True):
    """What became of an item."""

    payout_item: PaidItem
    transaction_status: str
    errors: ItemError | None = None


class PayoutBatch(msgspec.Struct, frozen=True):
    """A batch with its items, which the answer to a new one does not have."""

    batch_header: PayoutHeader
    items: tuple[PayoutItem, ...] = ()


class ErrorLink(msgspec.Struct, frozen=True):
    """Where an error leads."""

    href: str = ""


class Detail(msgspec.Struct, frozen=True):
    """One thing that was wrong with a request."""

    issue: str = ""
    description: str | None = None
    field: str | None = None
    link: tuple[ErrorLink, ...] = ()


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error (https://developer.paypal.com/api/rest/responses/)."""

    name: str = ""
    message: str | None = None
    details: tuple[Detail, ...] = ()


class Token(msgspec.Struct, frozen=True):
    """An access token."""

    access_token: str
    expires_in: int


class UserInfo(msgspec.Struct, frozen=True):
    """Whose an app is; `payer_id` is the account's, told to apps that may know."""

    user_id: str
    payer_id: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    """A webhook of the app."""

    id: str
    url: str
