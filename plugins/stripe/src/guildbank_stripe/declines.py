"""Stripe's words for a decline, in the vocabulary of all providers.

Decline codes of cards and of other ways to pay, with what Stripe says is to be done next:
https://docs.stripe.com/declines/codes . Error codes: https://docs.stripe.com/error-codes .
"""

from collections.abc import Mapping

from guildbank.plugin_api import Decline

DECLINES: Mapping[str, Decline] = {
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "expired_card": Decline.METHOD_EXPIRED,
    "expired_payment_information": Decline.METHOD_EXPIRED,
    "expired_payment_method": Decline.METHOD_EXPIRED,
    # The customer tries again with the right ones.
    "account_number_invalid": Decline.DETAILS_WRONG,
    "code_expired": Decline.DETAILS_WRONG,
    "code_invalid": Decline.DETAILS_WRONG,
    "incorrect_address": Decline.DETAILS_WRONG,
    "incorrect_cvc": Decline.DETAILS_WRONG,
    "incorrect_number": Decline.DETAILS_WRONG,
    "incorrect_pin": Decline.DETAILS_WRONG,
    "incorrect_postal_code": Decline.DETAILS_WRONG,
    "incorrect_zip": Decline.DETAILS_WRONG,
    "invalid_cvc": Decline.DETAILS_WRONG,
    "invalid_expiry_month": Decline.DETAILS_WRONG,
    "invalid_expiry_year": Decline.DETAILS_WRONG,
    "invalid_number": Decline.DETAILS_WRONG,
    "invalid_pin": Decline.DETAILS_WRONG,
    "postal_code_invalid": Decline.DETAILS_WRONG,
    "routing_number_invalid": Decline.DETAILS_WRONG,
    # The customer tries again and passes what the bank asks.
    "approve_with_id": Decline.AUTHENTICATION_FAILED,
    "authentication_not_handled": Decline.AUTHENTICATION_FAILED,
    "authentication_required": Decline.AUTHENTICATION_FAILED,
    "mobile_device_authentication_required": Decline.AUTHENTICATION_FAILED,
    "offline_pin_required": Decline.AUTHENTICATION_FAILED,
    "online_or_offline_pin_required": Decline.AUTHENTICATION_FAILED,
    "payment_intent_action_required": Decline.AUTHENTICATION_FAILED,
    "payment_intent_authentication_failure": Decline.AUTHENTICATION_FAILED,
    "setup_intent_authentication_failure": Decline.AUTHENTICATION_FAILED,
    "card_decline_rate_limit_exceeded": Decline.LIMIT_EXCEEDED,
    "card_velocity_exceeded": Decline.LIMIT_EXCEEDED,
    # The card's amount, and not Stripe's: its issuer knows which it may pay.
    "invalid_amount": Decline.LIMIT_EXCEEDED,
    "payment_limit_exceeded": Decline.LIMIT_EXCEEDED,
    "pin_try_exceeded": Decline.LIMIT_EXCEEDED,
    "withdrawal_count_limit_exceeded": Decline.LIMIT_EXCEEDED,
    # Of the first four Stripe says that the customer is to be told no more than of a generic
    # decline. Of the next two it says that the card may have been reported lost or stolen.
    "fraudulent": Decline.FRAUD_SUSPECTED,
    "lost_card": Decline.FRAUD_SUSPECTED,
    "merchant_blacklist": Decline.FRAUD_SUSPECTED,
    "stolen_card": Decline.FRAUD_SUSPECTED,
    "pickup_card": Decline.FRAUD_SUSPECTED,
    "restricted_card": Decline.FRAUD_SUSPECTED,
    "compliance_violation": Decline.FRAUD_SUSPECTED,
    "partner_high_risk_customer": Decline.FRAUD_SUSPECTED,
    "customer_declined": Decline.CANCELED_BY_PLAYER,
    "payment_method_customer_decline": Decline.CANCELED_BY_PLAYER,
    "payment_intent_payment_attempt_expired": Decline.EXPIRED,
    # Somebody looks first whether the payment was made a moment ago.
    "duplicate_transaction": Decline.DUPLICATE,
    "payment_method_unsupported_type": Decline.METHOD_NOT_SUPPORTED,
    "currency_not_supported": Decline.CURRENCY_NOT_SUPPORTED,
    "payment_method_currency_mismatch": Decline.CURRENCY_NOT_SUPPORTED,
    "amount_not_expressible": Decline.AMOUNT_NOT_SUPPORTED,
    "amount_too_large": Decline.AMOUNT_NOT_SUPPORTED,
    "amount_too_small": Decline.AMOUNT_NOT_SUPPORTED,
    "invalid_charge_amount": Decline.AMOUNT_NOT_SUPPORTED,
    # It is to be tried again, now or later.
    "issuer_not_available": Decline.PROVIDER_UNAVAILABLE,
    "payment_method_not_available": Decline.PROVIDER_UNAVAILABLE,
    "payment_method_provider_timeout": Decline.PROVIDER_UNAVAILABLE,
    "processing_error": Decline.PROVIDER_UNAVAILABLE,
    "reenter_transaction": Decline.PROVIDER_UNAVAILABLE,
    "try_again_later": Decline.PROVIDER_UNAVAILABLE,
    "account_invalid": Decline.ACCOUNT_PROBLEM,
    "charge_exceeds_source_limit": Decline.ACCOUNT_PROBLEM,
    "invalid_business_account": Decline.ACCOUNT_PROBLEM,
    "payment_method_unactivated": Decline.ACCOUNT_PROBLEM,
    "testmode_charges_only": Decline.ACCOUNT_PROBLEM,
    "invalid_request": Decline.INVALID_REQUEST,
    "parameter_invalid_empty": Decline.INVALID_REQUEST,
    "parameter_invalid_integer": Decline.INVALID_REQUEST,
    "parameter_invalid_string_blank": Decline.INVALID_REQUEST,
    "parameter_invalid_string_empty": Decline.INVALID_REQUEST,
    "parameter_missing": Decline.INVALID_REQUEST,
    "parameter_unknown": Decline.INVALID_REQUEST,
    "parameters_exclusive": Decline.INVALID_REQUEST,
    # No reason that helps: the customer asks the bank, or pays another way. That goes for a card
    # that may not make such a purchase, too, which no other provider would make it do.
    "call_issuer": Decline.DECLINED,
    "card_declined": Decline.DECLINED,
    "card_not_supported": Decline.DECLINED,
    "do_not_honor": Decline.DECLINED,
    "do_not_try_again": Decline.DECLINED,
    "generic_decline": Decline.DECLINED,
    "invalid_account": Decline.DECLINED,
    "invalid_authorization": Decline.DECLINED,
    "invalid_billing_agreement": Decline.DECLINED,
    "invalid_customer_account": Decline.DECLINED,
    "invalid_payment_information": Decline.DECLINED,
    "new_account_information_available": Decline.DECLINED,
    "no_action_taken": Decline.DECLINED,
    "not_permitted": Decline.DECLINED,
    "partner_generic_decline": Decline.DECLINED,
    "partner_payment_not_found": Decline.DECLINED,
    "payment_disputed": Decline.DECLINED,
    "payment_intent_payment_attempt_failed": Decline.DECLINED,
    "payment_method_provider_decline": Decline.DECLINED,
    "revocation_of_all_authorizations": Decline.DECLINED,
    "revocation_of_authorization": Decline.DECLINED,
    "security_violation": Decline.DECLINED,
    "service_not_allowed": Decline.DECLINED,
    "stop_payment_order": Decline.DECLINED,
    "testmode_decline": Decline.DECLINED,
    "transaction_not_allowed": Decline.DECLINED,
}


def decline_of(code: str) -> Decline:
    """Return what a code of Stripe means; one that is new here means no more than no."""
    return DECLINES.get(code, Decline.DECLINED)
