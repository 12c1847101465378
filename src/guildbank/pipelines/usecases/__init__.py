"""The verbs of pipelines, one a file, and the parts that they work with."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from guildbank.approvals import FourEyes
from guildbank.infra.database import Database
from guildbank.infra.egress import Egress
from guildbank.infra.error_rate import ErrorRates, Rule
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver, Journal
from guildbank.kernel import Clock, SystemClock
from guildbank.pipelines import store
from guildbank.pipelines.contracts import EMPTY, Problem, Stages, Step
from guildbank.pipelines.recorded import MoveRecord, Record
from guildbank.pipelines.renewed import renewed
from guildbank.pipelines.usecases.hooked import Hooked
from guildbank.plugin_api import Context, History, Manifest
from guildbank.plugin_host import Outbound, Plugins
from guildbank.tenancy import Tenants

QUARANTINE = Rule(
    window_seconds=60, errors=10, rate=0.5, pause_seconds=30, trial_errors=3, trial_rate=0.3,
    trial_successes=5,
)  # fmt: skip
"""A step that fails refuses each purchase that asks it: without it they are refused at once."""
MAX_KEPT = 5_000
"""Revisions that a process remembers: they change only with their plugins."""
RevisionKey = tuple[str, str, int]
"""A tenant's schema, a purpose and a number."""


class Started(NamedTuple):
    """How the steps of a revision started here, and when they are tried again if one did not."""

    problem: Problem | None
    again_at: float


class Histories(Protocol):
    """The port by which the room that records purchases tells gates of them."""

    def of(self, tenant: TenantRef, until: datetime | None = None) -> History:
        """Return what the tenant's players bought; with `until` nothing that came later."""
        ...


@dataclass
class Pipelines:
    """What the verbs need; the app makes one. `purposes` says what pipelines are for, by name.

    Those of them that are `verbs` are asked about operations on coins, the others about purchases.
    Without `histories` a gate that needs one has no answer, which refuses.
    """

    db: Database
    journal: Journal
    plugins: Plugins
    egress: Egress
    four_eyes: FourEyes
    tenants: Tenants
    purposes: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    histories: Histories | None = None
    verbs: frozenset[str] = frozenset()
    record: Record = field(init=False)
    """Of payments, which stand above: the app plugs it in."""
    moves: Mapping[str, MoveRecord] = field(default_factory=dict)
    """Of operations, which stand above, by their verb: the app plugs them in."""
    rates: ErrorRates = field(default_factory=lambda: ErrorRates(QUARANTINE))
    """By a tenant's schema and a plugin's slot and id: one that fails too often is left alone."""
    hooked: Hooked = field(default_factory=Hooked)
    asking: dict[str, int] = field(default_factory=dict)
    """How many calls ask hooks now, by a tenant's schema."""
    started: dict[RevisionKey, Started] = field(default_factory=dict)
    starting: dict[RevisionKey, asyncio.Lock] = field(default_factory=dict)
    _kept: dict[RevisionKey, Stages] = field(default_factory=dict)

    async def stages(self, driver: Driver, schema: str, purpose: str, number: int) -> Stages | None:
        """Return the steps of a revision, None where there is none; `driver` is of the schema."""
        known = self.kept(schema, purpose, number)
        if known is None:
            found = await store.revision_at(driver, purpose, number)
            if found is None:
                return None
            known = self._kept[schema, purpose, number] = renewed(self.plugins, found)
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return known

    def kept(self, schema: str, purpose: str, number: int) -> Stages | None:
        """Return the steps of a revision that this process remembers."""
        return Stages() if number == EMPTY else self._kept.get((schema, purpose, number))

    def forget(self) -> None:
        """Forget what was read and made ready, since plugins were replaced.

        Who is still starting one of those before writes that where nobody reads it.
        """
        self._kept.clear()
        self.started, self.starting = {}, {}

    def context(self, tenant: TenantRef, manifest: Manifest, step: Step) -> Context:
        """Return what the step's plugin knows on each call."""
        return Context(
            tenant=tenant.slug,
            mode=tenant.mode,
            settings=step.settings,
            now=self.clock.now(),
            webhook_url="",
            http=Outbound(self.egress, manifest, step.settings, tenant.id, keep=True),
        )
