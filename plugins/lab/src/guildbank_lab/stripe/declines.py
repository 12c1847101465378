"""How Stripe words a decline: by a bank, and by who runs another way to pay.

Codes: https://docs.stripe.com/declines/codes . Which are errors by a code of their own, and bear no
decline code then: https://docs.stripe.com/error-codes and
https://docs.stripe.com/testing#declined-payments .
"""

from collections.abc import Mapping
from typing import NamedTuple

from guildbank_lab.stripe.records import Failure

CODES = (
    "authentication_required", "authentication_not_handled", "approve_with_id", "call_issuer",
    "card_not_supported", "card_velocity_exceeded", "currency_not_supported", "do_not_honor",
    "do_not_try_again", "duplicate_transaction", "expired_card", "fraudulent", "generic_decline",
    "incorrect_address", "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip",
    "insufficient_funds", "invalid_account", "invalid_amount", "invalid_cvc",
    "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin",
    "issuer_not_available", "lost_card", "merchant_blacklist",
    "new_account_information_available", "no_action_taken", "not_permitted",
    "offline_pin_required", "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded",
    "processing_error", "reenter_transaction", "restricted_card",
    "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
    "service_not_allowed", "stolen_card", "stop_payment_order", "testmode_decline",
    "transaction_not_allowed", "try_again_later", "withdrawal_count_limit_exceeded",
    "mobile_device_authentication_required",
)  # fmt: skip
"""Of cards, in the order of Stripe's page."""
_GONE_WRONG = "The payment provider encountered a processing error."
_PARTNERS: Mapping[str, str] = {
    "partner_generic_decline": "The payment provider has declined the payment.",
    "invalid_customer_account": "We can't charge the customer's account.",
    "payment_limit_exceeded": "The order exceeds a limit on the customer's account.",
    "invalid_billing_agreement": "The customer's billing agreement is invalid.",
    "expired_card": "The card registered with the payment provider has expired.",
    "processing_error": _GONE_WRONG,
    "insufficient_funds": "The customer has insufficient funds with the payment provider.",
    "currency_not_supported": "The payment provider doesn't support this currency.",
    "invalid_amount": "The payment provider doesn't allow the amount.",
    "invalid_business_account": "The business account is deactivated.",
    "partner_high_risk_customer": "The payment provider labeled this customer as high risk.",
    "compliance_violation": "The payment violates terms of service, program rules, or laws.",
    "payment_disputed": "There's a dispute over the payment.",
    "invalid_authorization": "The authorization is invalid or has been revoked.",
    "invalid_payment_information": "The payment has invalid information.",
    "partner_payment_not_found": "The payment provider can't find this payment.",
    "expired_payment_information": "The underlying payment instrument is expired.",
    "duplicate_transaction": "A recent transaction with identical details was submitted.",
    "code_invalid": "The code is invalid.",
    "code_expired": "The code has expired.",
    "customer_declined": "The customer declined the payment.",
}
"""Of all other ways to pay; of the last three tells
https://docs.stripe.com/changelog/endive/2026-09-30/blik-granular-decline-codes .
"""
PARTNER_CODES = tuple(_PARTNERS)
WORDS = frozenset(code.upper() for code in CODES)
PARTNER_WORDS = frozenset(code.upper() for code in PARTNER_CODES)
"""The same as effects of switches."""
BY_TEST_CARD: Mapping[str, str] = {
    "pm_card_chargeCustomerFail": "generic_decline",
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "card_velocity_exceeded",
}
"""Cards that Stripe has for tests of declines."""


class _Error(NamedTuple):
    """An error by a code of its own, and which field of the card it is about."""

    message: str
    param: str | None = None


_ERRORS: Mapping[str, _Error] = {
    "expired_card": _Error("Your card has expired.", "exp_month"),
    "incorrect_address": _Error("Your card's address is incorrect."),
    "incorrect_cvc": _Error("Your card's security code is incorrect.", "cvc"),
    "incorrect_number": _Error("Your card number is incorrect.", "number"),
    "incorrect_zip": _Error("Your card's zip code failed validation.", "address_zip"),
    "invalid_cvc": _Error("Your card's security code is invalid.", "cvc"),
    "invalid_expiry_month": _Error("Your card's expiration month is invalid.", "exp_month"),
    "invalid_expiry_year": _Error("Your card's expiration year is invalid.", "exp_year"),
    "invalid_number": _Error("Your card number is not a valid credit card number.", "number"),
    "processing_error": _Error(
        "An error occurred while processing your card. Try again in a little bit."
    ),
}
ERRORS = frozenset(_ERRORS)
_AUTHENTICATE = "authentication_required"
_TO_AUTHENTICATE = frozenset({_AUTHENTICATE, "authentication_not_handled"})
"""The one error that bears a decline code beside a code of its own."""
_MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "authentication_not_handled": "This payment required an authentication action to complete, "
    "but `error_on_requires_action` was set.",
    "insufficient_funds": "Your card has insufficient funds.",
    "card_not_supported": "Your card is not supported.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently "
    "or exceeding its amount limit.",
    "currency_not_supported": "Your card does not support this currency.",
    "transaction_not_allowed": "Your card does not support this type of purchase.",
}
_NETWORK: Mapping[str, str] = {
    "generic_decline": "01", "do_not_honor": "05", "insufficient_funds": "51", "lost_card": "41",
    "pickup_card": "04", "stolen_card": "43", "transaction_not_allowed": "57",
}  # fmt: skip
"""The number of the card's network (https://docs.stripe.com/declines/network-codes)."""
_ADVICE = {"generic_decline": "try_again_later", "transaction_not_allowed": "do_not_try_again"}
"""What to do next (https://docs.stripe.com/declines/card#retrying-issuer-declines)."""


def failure_of(code: str) -> Failure:
    """Return how Stripe words a card's decline, by its code or by a switch's word for it."""
    code = code.lower()
    own = _ERRORS.get(code)
    if own is not None:
        return Failure(code=code, message=own.message, param=own.param)
    return Failure(
        code=_AUTHENTICATE if code in _TO_AUTHENTICATE else "card_declined",
        message=_MESSAGES.get(code, "Your card was declined."),
        decline_code=code,
        advice_code=_ADVICE.get(code),
        network_decline_code=_NETWORK.get(code),
    )


def partner_failure_of(code: str) -> Failure:
    """Return how Stripe words the decline of who runs another way to pay."""
    code = code.lower()
    return Failure(
        code="payment_method_provider_decline", message=_PARTNERS[code], decline_code=code
    )
