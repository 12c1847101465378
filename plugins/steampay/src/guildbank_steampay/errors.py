"""What Steam's error codes mean: one table, code by code, with what is certain after each.

Source: https://partner.steamgames.com/doc/features/microtransactions/implementation#error_codes
"""

from collections.abc import Mapping
from typing import NamedTuple

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus


class Row(NamedTuple):
    """Steam's no in one word, why in the words of all providers, and a sentence for people.

    Without a decline nothing is certain: the order is looked at again.
    """

    word: str
    decline: Decline | None
    told: str


_RECURRING = "It is about recurring payments, which Guildbank does not ask for."
TABLE: Mapping[int, Row] = {
    2: Row("operation_failed", None, "Steam could not do it."),
    3: Row("invalid_parameter", Decline.INVALID_REQUEST, "Steam does not take the request."),
    4: Row("internal_error", None, "Steam has an error of its own."),
    5: Row("not_approved", None, "The player has not approved the purchase."),
    6: Row("already_committed", None, "The purchase was finished before."),
    7: Row(
        "not_logged_in",
        Decline.METHOD_NOT_SUPPORTED,
        "The player is not in the game on Steam, or Steam does not know from where they pay.",
    ),
    8: Row(
        "wrong_currency",
        Decline.CURRENCY_NOT_SUPPORTED,
        "The player's wallet is in another currency.",
    ),
    9: Row("no_account", Decline.DECLINED, "Steam does not find the player's account now."),
    10: Row("denied_by_player", Decline.CANCELED_BY_PLAYER, "The player said no."),
    11: Row(
        "restricted_country",
        Decline.METHOD_NOT_SUPPORTED,
        "Steam sells nothing to the player's country.",
    ),
    12: Row("agreement_not_active", Decline.INVALID_REQUEST, _RECURRING),
    13: Row("agreement_not_of_the_game", Decline.INVALID_REQUEST, _RECURRING),
    14: Row("agreement_on_hold", Decline.INVALID_REQUEST, _RECURRING),
    15: Row("agreement_not_of_steam", Decline.INVALID_REQUEST, _RECURRING),
    16: Row("agreement_exists", Decline.INVALID_REQUEST, _RECURRING),
    100: Row("insufficient_funds", Decline.INSUFFICIENT_FUNDS, "The wallet has too little."),
    101: Row("too_late", Decline.EXPIRED, "The time to finish the purchase is over."),
    102: Row("account_disabled", Decline.DECLINED, "Steam has disabled the player's account."),
    103: Row("may_not_purchase", Decline.DECLINED, "The player's account may not buy on Steam."),
    104: Row("fraud_detected", Decline.FRAUD_SUSPECTED, "Steam suspects fraud."),
    105: Row("no_payment_method", Decline.DECLINED, "The player has no way to pay at Steam."),
    106: Row("limit_exceeded", Decline.LIMIT_EXCEEDED, "A spending limit would be exceeded."),
}


def row_of(code: int) -> Row:
    """Return the row of a code; of a code that Valve does not document nothing is certain."""
    return TABLE.get(code) or Row(f"error_{code}", None, "Steam's code is not documented.")


def declined(word: str, decline: Decline, message: str, *, reference: str | None = None) -> Outcome:
    """Return a decline."""
    return Outcome(
        status=OutcomeStatus.DECLINED,
        reference=reference,
        code=word,
        message=message,
        decline=decline,
    )
