"""PayPal's words for a decline, in the vocabulary of all providers.

https://developer.paypal.com/api/rest/reference/orders/v2/errors/
"""

from collections.abc import Mapping

from guildbank.plugin_api import Decline

DECLINES: Mapping[str, Decline] = {
    "AMOUNT_MISMATCH": Decline.INVALID_REQUEST,
    "COMPLIANCE_VIOLATION": Decline.FRAUD_SUSPECTED,
    "CURRENCY_NOT_SUPPORTED": Decline.CURRENCY_NOT_SUPPORTED,
    "DECIMALS_NOT_SUPPORTED": Decline.AMOUNT_NOT_SUPPORTED,
    "DECIMAL_PRECISION": Decline.AMOUNT_NOT_SUPPORTED,
    "INSUFFICIENT_FUNDS": Decline.INSUFFICIENT_FUNDS,
    "INVALID_CURRENCY_CODE": Decline.CURRENCY_NOT_SUPPORTED,
    "INVALID_REQUEST": Decline.INVALID_REQUEST,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": Decline.LIMIT_EXCEEDED,
    "PAYEE_ACCOUNT_INVALID": Decline.ACCOUNT_PROBLEM,
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": Decline.ACCOUNT_PROBLEM,
    "PAYEE_ACCOUNT_RESTRICTED": Decline.ACCOUNT_PROBLEM,
    "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING": Decline.ACCOUNT_PROBLEM,
    "PERMISSION_DENIED": Decline.ACCOUNT_PROBLEM,
    "TRANSACTION_LIMIT_EXCEEDED": Decline.LIMIT_EXCEEDED,
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": Decline.ACCOUNT_PROBLEM,
    "amount_not_expressible": Decline.AMOUNT_NOT_SUPPORTED,
    "currency_not_taken": Decline.CURRENCY_NOT_SUPPORTED,
    "expired": Decline.EXPIRED,
    "unknown_method": Decline.METHOD_NOT_SUPPORTED,
}


def decline_of(code: str) -> Decline:
    """Return what a code of PayPal means; most say no more than no."""
    return DECLINES.get(code, Decline.DECLINED)
