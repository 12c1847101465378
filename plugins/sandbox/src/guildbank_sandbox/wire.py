"""The sandbox provider's JSON, as far as the plugin reads it. Unknown fields are ignored."""

import msgspec


class PaymentObject(msgspec.Struct, frozen=True, kw_only=True):
    """A payment in an answer or event. Amounts are minor units."""

    id: str
    reference: str
    state: str
    captured_minor: int
    captured_currency: str
    checkout_url: str
    code: str | None = None


class RefundObject(msgspec.Struct, frozen=True, kw_only=True):
    """A refund in an answer or event. Without `reference` the provider began it."""

    id: str
    payment: str
    state: str
    amount_minor: int
    currency: str
    reference: str | None = None
    code: str | None = None
    reason: str | None = None


class DisputeObject(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute in an event."""

    id: str
    payment: str
    state: str
    amount_minor: int
    currency: str
    reason: str


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about; the payment is always there."""

    payment: PaymentObject
    refund: RefundObject | None = None
    dispute: DisputeObject | None = None


class PayoutObject(msgspec.Struct, frozen=True, kw_only=True):
    """A payout in an answer or event."""

    id: str
    reference: str
    state: str
    amount_minor: int
    currency: str
    code: str | None = None


class PayoutData(msgspec.Struct, frozen=True, kw_only=True):
    """What an event of a payout is about."""

    payout: PayoutObject


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of every event; `data` is read once its type is known."""

    id: str
    type: str
    data: msgspec.Raw


class Payments(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a look-up of payments by reference."""

    items: list[PaymentObject]


class Refunds(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a look-up of refunds by reference."""

    items: list[RefundObject]


class Payouts(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a look-up of payouts by reference."""

    items: list[PayoutObject]


class SettlementObject(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the report; `amount_minor` is signed, `ours` the merchant's reference."""

    id: str
    kind: str
    reference: str
    ours: str | None
    payment: str | None
    amount_minor: int
    fee_minor: int
    currency: str
    at_ms: int


class Settlements(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the report, and where the next one begins."""

    items: list[SettlementObject]
    next: str | None


class AccountObject(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key it is."""

    id: str
    name: str


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong; `code` is stable."""

    code: str
    message: str


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer with a status of 400 or above."""

    error: ErrorBody
