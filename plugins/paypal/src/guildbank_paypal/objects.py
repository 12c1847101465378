"""The few fields of PayPal's objects that we read, so that the rest may change as it likes.

Sources: https://developer.paypal.com/docs/api/orders/v2/ and .../docs/api/payments/v2/ .
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


class Capture(msgspec.Struct, frozen=True):
    """Money taken, on its way, or refused."""

    id: str
    status: str
    amount: Money
    status_details: StatusDetails | None = None
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


class Detail(msgspec.Struct, frozen=True):
    """One thing that was wrong with a request."""

    issue: str = ""
    description: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error (https://developer.paypal.com/api/rest/responses/)."""

    name: str = ""
    message: str | None = None
    details: tuple[Detail, ...] = ()


class Token(msgspec.Struct, frozen=True):
    """An access token."""

    access_token: str
    expires_in: int


class Webhook(msgspec.Struct, frozen=True):
    """A webhook of the app."""

    id: str
    url: str
