"""The lab's time: the machine's, moved ahead by who plays with it."""

from datetime import UTC, datetime, timedelta


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

    def text(self) -> str:
        """Return the time as companies write it, to the second."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
