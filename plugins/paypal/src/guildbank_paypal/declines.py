"""PayPal's words for a decline, in the vocabulary of all providers.

Issues by call: https://developer.paypal.com/docs/api/orders/v2/ , published as OpenAPI at
https://github.com/paypal/paypal-rest-api-specifications . What is to be done next:
https://developer.paypal.com/api/handle-payment-failures .
"""

from collections.abc import Mapping

from guildbank.plugin_api import Decline

PLAYER_AGAIN = frozenset(
    {
        "CARD_BRAND_NOT_SUPPORTED",
        "CARD_EXPIRED",
        "INSTRUMENT_DECLINED",
        "ORDER_NOT_APPROVED",
        "PAYER_ACTION_REQUIRED",
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    }
)
"""Of these PayPal says that the buyer comes back and chooses another way to pay."""
FOR_GOOD: Mapping[str, Decline] = {
    "AUTH_CAPTURE_NOT_ENABLED": Decline.ACCOUNT_PROBLEM,
    # Whose cause is no business of the buyer's.
    "COMPLIANCE_VIOLATION": Decline.FRAUD_SUSPECTED,
    "PAYEE_BLOCKED_TRANSACTION": Decline.FRAUD_SUSPECTED,
    "TRANSACTION_BLOCKED_BY_PAYEE": Decline.FRAUD_SUSPECTED,
    "DOMESTIC_TRANSACTION_REQUIRED": Decline.METHOD_NOT_SUPPORTED,
    "PAYMENT_SOURCE_NOT_SUPPORTED": Decline.METHOD_NOT_SUPPORTED,
    "CURRENCY_NOT_SUPPORTED_FOR_BANK": Decline.CURRENCY_NOT_SUPPORTED,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": Decline.LIMIT_EXCEEDED,
    "TRANSACTION_LIMIT_EXCEEDED": Decline.LIMIT_EXCEEDED,
    "NOT_ENABLED_FOR_BANK_PROCESSING": Decline.ACCOUNT_PROBLEM,
    "NOT_ENABLED_FOR_CARD_PROCESSING": Decline.ACCOUNT_PROBLEM,
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": Decline.ACCOUNT_PROBLEM,
    "PAYEE_ACCOUNT_RESTRICTED": Decline.ACCOUNT_PROBLEM,
    "PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING": Decline.ACCOUNT_PROBLEM,
    "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING": Decline.ACCOUNT_PROBLEM,
    "SETUP_ERROR_FOR_BANK": Decline.ACCOUNT_PROBLEM,
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": Decline.ACCOUNT_PROBLEM,
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": Decline.DECLINED,
    "PAYER_ACCOUNT_RESTRICTED": Decline.DECLINED,
    "PAYER_CANNOT_PAY": Decline.DECLINED,
    "TRANSACTION_REFUSED": Decline.DECLINED,
}
"""Of a capture: no money moved, and none will, by this order.

What stands in neither list is raised: it may be ours to mend, and nothing is known of the money.
"""
DECLINES: Mapping[str, Decline] = {
    **FOR_GOOD,
    "AMOUNT_MISMATCH": Decline.INVALID_REQUEST,
    "CARD_EXPIRED": Decline.METHOD_EXPIRED,
    "CURRENCY_NOT_SUPPORTED": Decline.CURRENCY_NOT_SUPPORTED,
    "DECIMALS_NOT_SUPPORTED": Decline.AMOUNT_NOT_SUPPORTED,
    "DECIMAL_PRECISION": Decline.AMOUNT_NOT_SUPPORTED,
    # Of a capture: https://developer.paypal.com/docs/api/payments/v2/#definition-capture_status_details
    "DECLINED_BY_RISK_FRAUD_FILTERS": Decline.FRAUD_SUSPECTED,
    "INVALID_CURRENCY_CODE": Decline.CURRENCY_NOT_SUPPORTED,
    "INVALID_REQUEST": Decline.INVALID_REQUEST,
    "PAYEE_ACCOUNT_INVALID": Decline.ACCOUNT_PROBLEM,
    "amount_not_expressible": Decline.AMOUNT_NOT_SUPPORTED,
    "currency_not_taken": Decline.CURRENCY_NOT_SUPPORTED,
    "expired": Decline.EXPIRED,
    "unknown_method": Decline.METHOD_NOT_SUPPORTED,
}


def decline_of(code: str) -> Decline:
    """Return what a code of PayPal means; most say no more than no."""
    return DECLINES.get(code, Decline.DECLINED)
