"""Drops counters that say nothing any more, so that their tables stay as small as the traffic."""

from typing import Protocol

from guildbank.infra.limits.stores import Store
from guildbank.infra.room import Job

EVERY_SECONDS = 60


class Counting(Protocol):
    """What the job needs of the app's services."""

    @property
    def counters(self) -> Store:
        """The store of this deployment."""
        ...


async def sweep_counters(services: Counting) -> None:
    """Drop what is over."""
    await services.counters.sweep()


SWEEP_COUNTERS = Job("limits.sweep", EVERY_SECONDS, sweep_counters)
