"""What follows from a decline, and what the player is told: one table for all providers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus


class Next(StrEnum):
    """What may come after a decline."""

    SAME = "same"
    """The player can put it right and try the same way again."""
    ANOTHER_METHOD = "another_method"
    """Only another card or account of the player's can work."""
    ELSEWHERE = "elsewhere"
    """It is the provider, not the player: the next provider of the route is asked at once."""
    NOTHING = "nothing"
    """No other try is made by itself, and the player is told no reason to try on."""


class Row(NamedTuple):
    """What comes next, and the sentence for the player."""

    next: Next
    told: str


_NO_REASON = (
    "The payment was declined. Nothing was charged. Try another way to pay, or ask your bank."
)
TABLE: Mapping[Decline, Row] = {
    Decline.DECLINED: Row(Next.ANOTHER_METHOD, _NO_REASON),
    Decline.INSUFFICIENT_FUNDS: Row(
        Next.ANOTHER_METHOD,
        "There is not enough money on this card or account. Nothing was charged.",
    ),
    Decline.METHOD_EXPIRED: Row(
        Next.ANOTHER_METHOD,
        "This card or account has expired. Nothing was charged. Try another one.",
    ),
    Decline.DETAILS_WRONG: Row(
        Next.SAME,
        "A number, date or security code does not fit. Nothing was charged. Check them and try "
        "again.",
    ),
    Decline.AUTHENTICATION_FAILED: Row(
        Next.SAME,
        "Your bank could not confirm that it is you. Nothing was charged. Try again, or pay "
        "another way.",
    ),
    Decline.LIMIT_EXCEEDED: Row(
        Next.ANOTHER_METHOD,
        "This payment is above a limit of your card or account. Nothing was charged.",
    ),
    # Who tests stolen cards is told no more than anybody whose bank gives no reason.
    Decline.FRAUD_SUSPECTED: Row(Next.NOTHING, _NO_REASON),
    Decline.CANCELED_BY_PLAYER: Row(Next.SAME, "You canceled the payment. Nothing was charged."),
    Decline.EXPIRED: Row(
        Next.SAME, "The payment was not finished in time. Nothing was charged. Try again."
    ),
    # Another try by itself might pay twice, and by another way it certainly would.
    Decline.DUPLICATE: Row(
        Next.NOTHING,
        "The same was paid a moment ago. This payment was not charged. Look whether the first one "
        "arrived before you pay again.",
    ),
    Decline.METHOD_NOT_SUPPORTED: Row(
        Next.ELSEWHERE, "This way to pay is not offered here. Nothing was charged. Try another one."
    ),
    Decline.CURRENCY_NOT_SUPPORTED: Row(
        Next.ELSEWHERE,
        "This way to pay does not take this currency. Nothing was charged. Try another one.",
    ),
    Decline.AMOUNT_NOT_SUPPORTED: Row(
        Next.ELSEWHERE,
        "This way to pay does not take this amount. Nothing was charged. Try another one.",
    ),
    Decline.PROVIDER_UNAVAILABLE: Row(
        Next.ELSEWHERE,
        "This way to pay does not work at the moment. Nothing was charged. Try another one, or "
        "later.",
    ),
    Decline.NEVER_ARRIVED: Row(
        Next.ELSEWHERE, "The payment did not go through. Nothing was charged. Try again."
    ),
    Decline.ACCOUNT_PROBLEM: Row(
        Next.ELSEWHERE,
        "This way to pay does not work at the moment. Nothing was charged. Try another one.",
    ),
    Decline.INVALID_REQUEST: Row(
        Next.ELSEWHERE,
        "This way to pay does not work at the moment. Nothing was charged. Try another one.",
    ),
}
NOT_FOUND = "not_found"


def decline_of(outcome: Outcome) -> Decline | None:
    """Return why an outcome took no money, None where it may have taken some."""
    if outcome.status is OutcomeStatus.DECLINED:
        return outcome.decline or Decline.DECLINED
    if outcome.status is OutcomeStatus.CANCELED:
        never = Decline.NEVER_ARRIVED if outcome.code == NOT_FOUND else Decline.EXPIRED
        return outcome.decline or never
    return None


def told_to_player(problem: str | None) -> str | None:
    """Return a payment's problem as its player may know it: of fraud no more than that it was no.

    Stripe asks its merchants for that: https://docs.stripe.com/declines/codes .
    """
    return Decline.DECLINED if problem == Decline.FRAUD_SUSPECTED else problem


def row_of(problem: str | None) -> Row | None:
    """Return the row of a payment's problem, None for a problem that is no decline."""
    try:
        return TABLE[Decline(problem)] if problem is not None else None
    except ValueError:
        return None
