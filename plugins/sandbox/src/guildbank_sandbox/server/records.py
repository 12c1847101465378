"""What the sandbox provider keeps: accounts, payments, refunds, disputes and payouts."""

from enum import StrEnum

import msgspec


class PaymentState(StrEnum):
    """How far a payment is. The last three never change again."""

    OPEN = "open"
    CONFIRMING = "confirming"
    PROCESSING = "processing"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"


FINAL = frozenset({PaymentState.CAPTURED, PaymentState.DECLINED, PaymentState.CANCELED})


class WebhookMode(StrEnum):
    """How a payment's events reach the merchant."""

    NORMAL = "normal"
    DUPLICATE = "duplicate"
    REORDERED = "reordered"
    LATE = "late"
    SILENT = "silent"


class RefundState(StrEnum):
    """How far a refund is."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundSwitch(StrEnum):
    """What an account's next refunds will do; a person sets it to play a bad day."""

    SUCCEED = "succeed"
    PENDING = "pending"
    DECLINE = "decline"
    TIMEOUT = "timeout"


class DisputeState(StrEnum):
    """How far a dispute is."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant. `previous_secret` still signs until `previous_until_ms`, so secrets rotate."""

    id: str
    name: str
    webhook_secret: str
    previous_secret: str | None
    previous_until_ms: int
    refund_switch: RefundSwitch

    def signing_secrets(self, now_ms: int) -> tuple[str, ...]:
        """Return the secrets that a webhook is signed with now, the newest first."""
        if self.previous_secret is None or now_ms >= self.previous_until_ms:
            return (self.webhook_secret,)
        return (self.webhook_secret, self.previous_secret)


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a merchant to take money. Amounts are minor units of their currency.

    `refunded_minor` and `refund_pending_minor` are money given back or about to be;
    `disputed_minor` is money that open or lost disputes took away.
    """

    id: str
    account_id: str
    reference: str
    amount_minor: int
    currency: str
    description: str
    customer: str
    method: str
    state: PaymentState
    code: str | None
    captured_minor: int
    captured_currency: str
    refunded_minor: int
    refund_pending_minor: int
    disputed_minor: int
    return_url: str | None
    webhook_url: str | None
    webhook_mode: WebhookMode
    due_ms: int | None
    created_ms: int
    updated_ms: int

    @property
    def left_minor(self) -> int:
        """Return what can still be refunded or disputed."""
        gone = self.refunded_minor + self.refund_pending_minor + self.disputed_minor
        return self.captured_minor - gone


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back. Without `reference` the provider's own staff began it."""

    id: str
    account_id: str
    payment_id: str
    reference: str | None
    amount_minor: int
    currency: str
    reason: str | None
    state: RefundState
    code: str | None
    created_ms: int


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A cardholder's complaint. `withdrawn` says that the merchant's money is gone for now."""

    id: str
    account_id: str
    payment_id: str
    amount_minor: int
    currency: str
    reason: str
    state: DisputeState
    withdrawn: bool
    created_ms: int


class PayoutState(StrEnum):
    """How far a payout is."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way to an account of a merchant's customer."""

    id: str
    account_id: str
    reference: str
    amount_minor: int
    currency: str
    to_account: str
    state: PayoutState
    code: str | None
    created_ms: int
    webhook_url: str | None
    due_ms: int | None
    """When it moves on by itself."""
    paid_ms: int | None
    returned_ms: int | None
