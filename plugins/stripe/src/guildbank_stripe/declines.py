"""Stripe's words for a decline, in the vocabulary of all providers.

https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes
"""

from collections.abc import Mapping

from guildbank.plugin_api import Decline

DECLINES: Mapping[str, Decline] = {
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "expired_card": Decline.METHOD_EXPIRED,
    "incorrect_number": Decline.DETAILS_WRONG,
    "invalid_number": Decline.DETAILS_WRONG,
    "incorrect_cvc": Decline.DETAILS_WRONG,
    "invalid_cvc": Decline.DETAILS_WRONG,
    "incorrect_zip": Decline.DETAILS_WRONG,
    "incorrect_address": Decline.DETAILS_WRONG,
    "incorrect_pin": Decline.DETAILS_WRONG,
    "invalid_pin": Decline.DETAILS_WRONG,
    "invalid_expiry_month": Decline.DETAILS_WRONG,
    "invalid_expiry_year": Decline.DETAILS_WRONG,
    "authentication_required": Decline.AUTHENTICATION_FAILED,
    "payment_intent_authentication_failure": Decline.AUTHENTICATION_FAILED,
    "setup_intent_authentication_failure": Decline.AUTHENTICATION_FAILED,
    "offline_pin_required": Decline.AUTHENTICATION_FAILED,
    "online_or_offline_pin_required": Decline.AUTHENTICATION_FAILED,
    "approve_with_id": Decline.AUTHENTICATION_FAILED,
    "card_velocity_exceeded": Decline.LIMIT_EXCEEDED,
    "withdrawal_count_limit_exceeded": Decline.LIMIT_EXCEEDED,
    "pin_try_exceeded": Decline.LIMIT_EXCEEDED,
    "card_decline_rate_limit_exceeded": Decline.LIMIT_EXCEEDED,
    "fraudulent": Decline.FRAUD_SUSPECTED,
    "merchant_blacklist": Decline.FRAUD_SUSPECTED,
    "stolen_card": Decline.FRAUD_SUSPECTED,
    "lost_card": Decline.FRAUD_SUSPECTED,
    "pickup_card": Decline.FRAUD_SUSPECTED,
    "restricted_card": Decline.FRAUD_SUSPECTED,
    "security_violation": Decline.FRAUD_SUSPECTED,
    "card_not_supported": Decline.METHOD_NOT_SUPPORTED,
    "transaction_not_allowed": Decline.METHOD_NOT_SUPPORTED,
    "service_not_allowed": Decline.METHOD_NOT_SUPPORTED,
    "payment_method_not_available": Decline.METHOD_NOT_SUPPORTED,
    "currency_not_supported": Decline.CURRENCY_NOT_SUPPORTED,
    "payment_method_currency_mismatch": Decline.CURRENCY_NOT_SUPPORTED,
    "amount_too_large": Decline.AMOUNT_NOT_SUPPORTED,
    "amount_too_small": Decline.AMOUNT_NOT_SUPPORTED,
    "amount_not_expressible": Decline.AMOUNT_NOT_SUPPORTED,
    "invalid_amount": Decline.AMOUNT_NOT_SUPPORTED,
    "processing_error": Decline.PROVIDER_UNAVAILABLE,
    "issuer_not_available": Decline.PROVIDER_UNAVAILABLE,
    "reenter_transaction": Decline.PROVIDER_UNAVAILABLE,
    "try_again_later": Decline.PROVIDER_UNAVAILABLE,
    "payment_method_provider_timeout": Decline.PROVIDER_UNAVAILABLE,
    "account_invalid": Decline.ACCOUNT_PROBLEM,
    "charge_exceeds_source_limit": Decline.ACCOUNT_PROBLEM,
    "testmode_charges_only": Decline.ACCOUNT_PROBLEM,
    "live_mode_test_card": Decline.ACCOUNT_PROBLEM,
    "testmode_decline": Decline.ACCOUNT_PROBLEM,
    "payment_intent_payment_attempt_expired": Decline.EXPIRED,
    "invalid_request": Decline.INVALID_REQUEST,
    "parameter_missing": Decline.INVALID_REQUEST,
    "parameter_unknown": Decline.INVALID_REQUEST,
    "parameter_invalid_empty": Decline.INVALID_REQUEST,
}


def decline_of(code: str) -> Decline:
    """Return what a code of Stripe means; banks say many things that mean no more than no."""
    return DECLINES.get(code, Decline.DECLINED)
