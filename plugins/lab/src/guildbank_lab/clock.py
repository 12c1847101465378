"""The lab's time: the machine's, moved ahead by who plays with it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment that who plays with the lab names, with its zone (RFC 3339)."""


class LabClock:
    """Says what time it is in the lab."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def move(self, seconds: float) -> None:
        """Let time pass at once; back, too."""
        self._ahead += timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self._ahead

    def text(self, at: datetime | None = None) -> str:
        """Return the time, or another moment, as companies write it, to the second."""
        moment = self.now() if at is None else at.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
