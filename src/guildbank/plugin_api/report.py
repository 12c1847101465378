"""How a provider that sends no webhooks is asked what became of payments since they were made.

`Reports` is a capability of payment providers, named `reports` in the manifest.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from guildbank.plugin_api.provider import Context, ProviderEvent

MAX_REPORTED = 1_000
"""Events of one page."""


class ReportPage(msgspec.Struct, frozen=True, kw_only=True):
    """What is new: events as webhooks would bring them, and where the next page begins.

    `cursor` is a text of the plugin's own, of at most 255 characters; the core keeps it once all
    events of the page are kept. `more` asks for the next page at once, else a minute later.
    """

    events: tuple[ProviderEvent, ...]
    cursor: str
    more: bool = False


class Reports(Protocol):
    """A provider that is polled: refunds and disputes that began at the company."""

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        """Return what became of payments after the cursor; without one, after `since`.

        An event may be told as often as it likes under one `external_id`: it counts once. So
        begin earlier than the last line where lines may come late. Raises when the company gave
        no answer that can be used; then the same page is asked for again.
        """
        ...
