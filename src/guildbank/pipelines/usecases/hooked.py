"""What this process knows of hooks on verbs: whoever has none pays one look into a dictionary."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from time import monotonic
from types import MappingProxyType

from guildbank.pipelines.contracts import EMPTY, Pipeline

TRUSTED_SECONDS = 2.0
"""So long what was read is believed. A publication holds everywhere by then, or it is asked for."""

Running = Mapping[str, Pipeline]
"""The pipelines of a tenant's verbs that run anything, by verb."""
UNSURE: Running = MappingProxyType({})
"""Stands for not knowing; it is this very object."""


class Hooked:
    """Which tenants run what for which verb, as far as it was read of late."""

    def __init__(self) -> None:
        self._known: dict[str, Running] = {}
        self._changed: dict[tuple[str, str], datetime] = {}
        self._until = 0.0

    def of(self, schema: str) -> Running | None:
        """Return what a tenant runs: None for nothing, UNSURE where the database has to say."""
        return self._known.get(schema) if monotonic() < self._until else UNSURE

    def learn(self, schema: str, pipelines: Iterable[Pipeline]) -> None:
        """Take note of what a tenant runs for these verbs now; of the others nothing changes.

        What was read before a change that is known already is passed over.
        """
        known = dict(self._known.get(schema, {}))
        for one in pipelines:
            place = (schema, one.purpose)
            if self._changed.get(place, one.changed_at) > one.changed_at:
                continue
            self._changed[place] = one.changed_at
            known[one.purpose] = one
            if not runs(one):
                del known[one.purpose]
        if known:
            self._known[schema] = known
        else:
            self._known.pop(schema, None)

    def doubt(self, schema: str) -> None:
        """Let the database say what the tenant runs until it is learnt."""
        self._known[schema] = UNSURE

    def trust(self, read_at: float) -> None:
        """Believe all of it as of that moment of the monotonic clock."""
        self._until = read_at + TRUSTED_SECONDS


def runs(pipeline: Pipeline) -> bool:
    """Say whether any revision of it runs."""
    return pipeline.published != EMPTY or pipeline.canary is not None
