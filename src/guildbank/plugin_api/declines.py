"""One vocabulary for why no money moved: each provider has hundreds of words for fifteen things."""

from enum import StrEnum


class Decline(StrEnum):
    """Why a payment was declined or canceled, whatever its provider calls it.

    The core decides by it what comes next (another method, another provider, nothing) and what the
    player is told, so a provider maps its own codes onto these by a table.
    """

    DECLINED = "declined"
    """No reason was given, or none that is in this list."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    METHOD_EXPIRED = "method_expired"
    DETAILS_WRONG = "details_wrong"
    """A number, date or security code that does not fit."""
    AUTHENTICATION_FAILED = "authentication_failed"
    """The player did not pass what the bank asked (3-D Secure, an app)."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """A limit of the method: too much, or too often."""
    FRAUD_SUSPECTED = "fraud_suspected"
    CANCELED_BY_PLAYER = "canceled_by_player"
    EXPIRED = "expired"
    """The player took too long."""
    DUPLICATE = "duplicate"
    """The same was paid the same way a moment ago, as the bank sees it."""
    METHOD_NOT_SUPPORTED = "method_not_supported"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    AMOUNT_NOT_SUPPORTED = "amount_not_supported"
    """Too small or too large for this provider."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    """The provider says that it cannot take payments now, and that it took none."""
    NEVER_ARRIVED = "never_arrived"
    """The provider certainly never got the request."""
    ACCOUNT_PROBLEM = "account_problem"
    """The tenant's account at the provider may not take this payment."""
    INVALID_REQUEST = "invalid_request"
    """The provider did not understand the request: a defect of the plugin or its settings."""
