"""When something that a provider does not know can be said never to have arrived there."""

from datetime import datetime, timedelta

from guildbank.kernel import made_at
from guildbank.plugin_api.declines import Decline
from guildbank.plugin_api.provider import Outcome, OutcomeStatus

ON_ITS_WAY = timedelta(minutes=2)
"""By then a request that was given up has arrived or is lost."""


def never_arrived(
    our_id: str, now: datetime, provider: str, on_its_way: timedelta = ON_ITS_WAY
) -> Outcome:
    """Return `canceled` with code `not_found`, or `unknown` while a request may be under way.

    A request is as old as our id in it. One that we gave up may still be at work at the provider,
    and show up moments later. Raises ValueError for what is no id of ours.
    """
    if now - made_at(our_id) < on_its_way:
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            code="too_early",
            message=f"{provider} does not show it yet; it may still be on its way.",
        )
    return Outcome(
        status=OutcomeStatus.CANCELED,
        code="not_found",
        message=f"{provider} never received it.",
        decline=Decline.NEVER_ARRIVED,
    )
