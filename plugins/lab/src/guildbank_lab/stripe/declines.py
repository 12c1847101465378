"""The words by which banks decline at Stripe (https://docs.stripe.com/declines/codes)."""

from guildbank_lab.stripe.records import Failure

CODES = (
    "authentication_required", "approve_with_id", "call_issuer", "card_not_supported",
    "card_velocity_exceeded", "currency_not_supported", "do_not_honor", "do_not_try_again",
    "duplicate_transaction", "expired_card", "fraudulent", "generic_decline", "incorrect_address",
    "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip", "insufficient_funds",
    "invalid_account", "invalid_amount", "invalid_cvc", "invalid_expiry_month",
    "invalid_expiry_year", "invalid_number", "invalid_pin", "issuer_not_available", "lost_card",
    "merchant_blacklist", "mobile_device_authentication_required",
    "new_account_information_available", "no_action_taken", "not_permitted",
    "offline_pin_required", "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded",
    "processing_error", "reenter_transaction", "restricted_card",
    "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
    "service_not_allowed", "stolen_card", "stop_payment_order", "testmode_decline",
    "transaction_not_allowed", "try_again_later", "withdrawal_count_limit_exceeded",
)  # fmt: skip
WORDS = frozenset(code.upper() for code in CODES)
"""The same as effects of switches."""
_ERRORS = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_address": "Your card's address is incorrect.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "incorrect_zip": "Your card's zip code failed validation.",
    "invalid_cvc": "Your card's security code is invalid.",
    "invalid_expiry_month": "Your card's expiration month is invalid.",
    "invalid_expiry_year": "Your card's expiration year is invalid.",
    "invalid_number": "Your card number is not a valid credit card number.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
"""Declines that are errors by a code of their own (https://docs.stripe.com/error-codes)."""
_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "card_not_supported": "Your card is not supported.",
    "currency_not_supported": "Your card does not support this currency.",
}


def failure_of(code: str) -> Failure:
    """Return how Stripe words a decline, by its code or by a switch's word for it."""
    code = code.lower()
    return Failure(
        code=code if code in _ERRORS else "card_declined",
        message=_ERRORS.get(code) or _MESSAGES.get(code, "Your card was declined."),
        decline_code=code,
    )
