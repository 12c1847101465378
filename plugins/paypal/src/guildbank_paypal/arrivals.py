"""When something that PayPal does not know can be said never to have arrived there."""

from datetime import UTC, datetime, timedelta

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SUFFIX_CHARACTERS = 26
_TIME_CHARACTERS = 10
_ON_ITS_WAY = timedelta(minutes=2)


def made_at(our_id: str) -> datetime:
    """Return when an id of ours was made: the 48 bits of milliseconds in its UUIDv7.

    A TypeID's suffix is the UUID in Crockford's base 32, so its first ten characters are the time.
    Raises ValueError for a text that is no such id.
    """
    suffix = our_id.rpartition("_")[2]
    if len(suffix) != _SUFFIX_CHARACTERS or not set(suffix) <= set(_ALPHABET):
        raise ValueError(f"{our_id[:40]!r} is no id of ours")
    milliseconds = 0
    for character in suffix[:_TIME_CHARACTERS]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(character)
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def never_arrived(our_id: str, now: datetime) -> Outcome:
    """Return `canceled` with code `not_found`, or `unknown` while a request may be under way."""
    if now - made_at(our_id) < _ON_ITS_WAY:
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            code="too_early",
            message="The request may still be on its way to PayPal.",
        )
    return Outcome(
        status=OutcomeStatus.CANCELED,
        code="not_found",
        message="PayPal took nothing for it.",
        decline=Decline.NEVER_ARRIVED,
    )
