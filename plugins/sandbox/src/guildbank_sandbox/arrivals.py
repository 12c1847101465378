"""When something that the provider does not know can be said never to have arrived there."""

from datetime import UTC, datetime, timedelta

from typeid import TypeID
from typeid.core.errors import TypeIDException

from guildbank.plugin_api import Outcome, OutcomeStatus

ON_ITS_WAY = timedelta(minutes=1)
"""Twice the longest time-out: by then a request that was given up has arrived or is lost."""


def never_arrived(our_id: str, now: datetime) -> Outcome:
    """Return `canceled` with code `not_found`, or `unknown` while a request may be under way.

    The age of a request is that of our id in it, a TypeID with the time in its first 48 bits.
    """
    made_at = _made_at(our_id)
    if made_at is not None and now - made_at < ON_ITS_WAY:
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            code="too_early",
            message="The provider does not know it yet; it may still be on its way.",
        )
    return Outcome(
        status=OutcomeStatus.CANCELED, code="not_found", message="The provider never received it."
    )


def _made_at(our_id: str) -> datetime | None:
    try:
        milliseconds = TypeID.from_string(our_id).uuid.int >> 80
    except TypeIDException:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC)
