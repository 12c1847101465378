"""What a card's processor answered, by PayPal's codes for it.

https://developer.paypal.com/docs/api/payments/v2/#definition-processor_response : a capture bears
one where the player paid by a card on PayPal's page. Codes that are not here say no more than no.
"""

from collections.abc import Mapping
from typing import NamedTuple

from guildbank.plugin_api import Decline


class Row(NamedTuple):
    """PayPal's word for a code, and why in the words of all providers."""

    word: str
    decline: Decline


TABLE: Mapping[str, Row] = {
    "0100": Row("REFERRAL", Decline.DECLINED),
    "0390": Row("ACCOUNT_NOT_FOUND", Decline.DETAILS_WRONG),
    "0500": Row("DO_NOT_HONOR", Decline.DECLINED),
    "0580": Row("UNAUTHORIZED_TRANSACTION", Decline.DECLINED),
    "0890": Row("UNACCEPTABLE_PIN", Decline.DETAILS_WRONG),
    "0960": Row("SYSTEM_MALFUNCTION", Decline.PROVIDER_UNAVAILABLE),
    "0R00": Row("CANCELLED_PAYMENT", Decline.DECLINED),
    "00N7": Row("CVV2_FAILURE_POSSIBLE_RETRY_WITH_CVV", Decline.DETAILS_WRONG),
    "10BR": Row("ISSUER_REJECTED", Decline.DECLINED),
    "1310": Row("INVALID_AMOUNT", Decline.AMOUNT_NOT_SUPPORTED),
    "1320": Row("INVALID_CURRENCY_CODE", Decline.CURRENCY_NOT_SUPPORTED),
    "1330": Row("INVALID_ACCOUNT", Decline.DETAILS_WRONG),
    "1340": Row("INVALID_TERMINAL", Decline.ACCOUNT_PROBLEM),
    "1350": Row("INVALID_MERCHANT", Decline.ACCOUNT_PROBLEM),
    "1352": Row("RESTRICTED_OR_INACTIVE_ACCOUNT", Decline.DECLINED),
    "1370": Row("INVALID_MCC", Decline.ACCOUNT_PROBLEM),
    "1380": Row("INVALID_EXPIRATION", Decline.DETAILS_WRONG),
    "1382": Row("INVALID_CARD_VERIFICATION_VALUE", Decline.DETAILS_WRONG),
    "5100": Row("GENERIC_DECLINE", Decline.DECLINED),
    "5110": Row("CVV2_FAILURE", Decline.DETAILS_WRONG),
    "5120": Row("INSUFFICIENT_FUNDS", Decline.INSUFFICIENT_FUNDS),
    "5130": Row("INVALID_PIN", Decline.DETAILS_WRONG),
    "5135": Row("DECLINED_PIN_TRY_EXCEEDED", Decline.LIMIT_EXCEEDED),
    "5140": Row("CARD_CLOSED", Decline.DECLINED),
    "5150": Row("PICKUP_CARD_SPECIAL_CONDITIONS", Decline.FRAUD_SUSPECTED),
    "5160": Row("UNAUTHORIZED_USER", Decline.DECLINED),
    "5170": Row("AVS_FAILURE", Decline.DETAILS_WRONG),
    "5180": Row("INVALID_OR_RESTRICTED_CARD", Decline.FRAUD_SUSPECTED),
    "5190": Row("SOFT_AVS", Decline.DETAILS_WRONG),
    "5200": Row("DUPLICATE_TRANSACTION", Decline.DUPLICATE),
    "5400": Row("EXPIRED_CARD", Decline.METHOD_EXPIRED),
    "5500": Row("INCORRECT_PIN_REENTER", Decline.DETAILS_WRONG),
    "5650": Row("DECLINED_SCA_REQUIRED", Decline.AUTHENTICATION_FAILED),
    "5700": Row("TRANSACTION_NOT_PERMITTED", Decline.DECLINED),
    "5710": Row("TX_ATTEMPTS_EXCEED_LIMIT", Decline.LIMIT_EXCEEDED),
    "5910": Row("ISSUER_NOT_AVAILABLE_NOT_RETRIABLE", Decline.DECLINED),
    "5920": Row("ISSUER_NOT_AVAILABLE_RETRIABLE", Decline.PROVIDER_UNAVAILABLE),
    "5930": Row("CARD_NOT_ACTIVATED", Decline.DECLINED),
    "5950": Row("DECLINED_DUE_TO_UPDATED_ACCOUNT", Decline.DECLINED),
    "6300": Row("ACCOUNT_NOT_ON_FILE", Decline.DETAILS_WRONG),
    "7700": Row("ERROR_3DS", Decline.AUTHENTICATION_FAILED),
    "7710": Row("AUTHENTICATION_FAILED", Decline.AUTHENTICATION_FAILED),
    "8000": Row("PROCESSOR_SYSTEM_ERROR", Decline.PROVIDER_UNAVAILABLE),
    "8020": Row("CONFIGURATION_ERROR", Decline.ACCOUNT_PROBLEM),
    "8100": Row("FATAL_COMMUNICATION_ERROR", Decline.PROVIDER_UNAVAILABLE),
    "8110": Row("RETRIABLE_COMMUNICATION_ERROR", Decline.PROVIDER_UNAVAILABLE),
    "8220": Row("SYSTEM_UNAVAILABLE", Decline.PROVIDER_UNAVAILABLE),
    "9100": Row("DECLINED_PLEASE_RETRY", Decline.PROVIDER_UNAVAILABLE),
    "9500": Row("SUSPECTED_FRAUD", Decline.FRAUD_SUSPECTED),
    "9510": Row("SECURITY_VIOLATION", Decline.DECLINED),
    "9520": Row("LOST_OR_STOLEN", Decline.FRAUD_SUSPECTED),
    "9530": Row("HOLD_CALL_CENTER", Decline.DECLINED),
    "9540": Row("REFUSED_CARD", Decline.DECLINED),
    "PCVV": Row("CVV_FAILURE", Decline.DETAILS_WRONG),
    "PP06": Row("ACCOUNT_CLOSED", Decline.DECLINED),
    "PPAB": Row("ACCOUNT_BLOCKED_BY_ISSUER", Decline.DECLINED),
    "PPAX": Row("AMOUNT_EXCEEDED", Decline.LIMIT_EXCEEDED),
    "PPCT": Row("CARD_TYPE_UNSUPPORTED", Decline.METHOD_NOT_SUPPORTED),
    "PPD3": Row("SECURE_ERROR_3DS", Decline.AUTHENTICATION_FAILED),
    "PPEF": Row("EXPIRED_FUNDING_INSTRUMENT", Decline.METHOD_EXPIRED),
    "PPEL": Row("EXCEEDS_FREQUENCY_LIMIT", Decline.LIMIT_EXCEEDED),
    "PPER": Row("INTERNAL_SYSTEM_ERROR", Decline.PROVIDER_UNAVAILABLE),
    "PPEX": Row("EXPIRY_DATE", Decline.DETAILS_WRONG),
    "PPNL": Row("EXCEEDS_NETWORK_FREQUENCY_LIMIT", Decline.LIMIT_EXCEEDED),
    "PPNT": Row("NETWORK_ERROR", Decline.PROVIDER_UNAVAILABLE),
    "PPRN": Row("REATTEMPT_NOT_PERMITTED", Decline.DECLINED),
    "PPUC": Row("CURRENCY_CODE_UNSUPPORTED", Decline.CURRENCY_NOT_SUPPORTED),
}


def row_of(code: str | None) -> Row | None:
    """Return the row of a code, None where there is none that says more than no."""
    return TABLE.get(code or "")
