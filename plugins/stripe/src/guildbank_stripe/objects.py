"""The few fields of Stripe's objects that we read, so that the rest may change as it likes."""

from typing import Any, TypeVar

import msgspec
from stripe import StripeError, StripeObject

ATTEMPT = "guildbank_attempt"
REFUND = "guildbank_refund"
PAYOUT = "guildbank_payout"
PLAYER = "guildbank_player"
CUSTOMER = "guildbank_customer"
PAGE = "guildbank_page"
"""Metadata of an intent that belongs to a page of Stripe's."""
CONFIRMED_BY = "guildbank_confirmed_by"
"""Metadata that says who chose the payment method: `server` means that one refusal is final."""

T = TypeVar("T")


class RedirectToUrl(msgspec.Struct, frozen=True):
    """Where the player goes to confirm."""

    url: str | None = None


class StripeAction(msgspec.Struct, frozen=True):
    """What Stripe wants the player to do."""

    type: str
    redirect_to_url: RedirectToUrl | None = None


class PaymentError(msgspec.Struct, frozen=True):
    """Why the last try on an intent failed."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent (https://docs.stripe.com/api/payment_intents/object)."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int | None = None
    client_secret: str | None = None
    next_action: StripeAction | None = None
    last_payment_error: PaymentError | None = None
    payment_method: str | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class StripeRefund(msgspec.Struct, frozen=True):
    """A Refund (https://docs.stripe.com/api/refunds/object)."""

    id: str
    status: str | None
    amount: int
    currency: str
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None


class StripeTransfer(msgspec.Struct, frozen=True):
    """A Transfer to a connected account (https://docs.stripe.com/api/transfers/object)."""

    id: str
    amount: int
    currency: str
    amount_reversed: int = 0
    metadata: dict[str, str] | None = None


class ErrorDetail(msgspec.Struct, frozen=True):
    """The body of an error (https://docs.stripe.com/api/errors)."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    payment_intent: Intent | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The envelope of an error."""

    error: ErrorDetail


def read(found: StripeObject, kind: type[T]) -> T:
    """Return the fields of an object of the SDK; raises when Stripe sent something else."""
    return msgspec.convert(found.to_dict(), type=kind)


def read_error(error: StripeError) -> ErrorDetail:
    """Return what an error of the SDK says."""
    body: Any = error.json_body
    return msgspec.convert(body, type=ErrorBody).error
