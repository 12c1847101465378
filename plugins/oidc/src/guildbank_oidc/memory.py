"""Remembers what a provider publishes, for a while, and never across tenants.

One tenant's settings may forbid a host that another's allow, so what was fetched for one is not
shown to the other. Lost with the process, which costs one request.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_ENTRIES = 1_024


class Memory(Generic[T]):
    """Values by (tenant, address), each with when it was fetched; the oldest used go first."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._known: OrderedDict[tuple[str, str], tuple[datetime, T]] = OrderedDict()

    def get(self, tenant: str, address: str, now: datetime) -> T | None:
        """Return what is known and still fresh. A clock that was set back makes it stale."""
        found = self._known.get((tenant, address))
        if found is None or not timedelta(0) <= now - found[0] < self._lifetime:
            return None
        self._known.move_to_end((tenant, address))
        return found[1]

    def put(self, tenant: str, address: str, now: datetime, value: T) -> None:
        """Remember."""
        self._known[tenant, address] = (now, value)
        self._known.move_to_end((tenant, address))
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)
