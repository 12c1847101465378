"""Counts what waits in the tenants' schemas when an operator's page is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from guildbank.infra.database import Database
from guildbank.infra.metrics import Reading
from guildbank.infra.room import Backlog, Figure
from guildbank.infra.tenant import TenantRef

log = structlog.get_logger("guildbank.backlogs")

FRESH_SECONDS = 10.0
"""Figures of this age are good enough: whoever asks more often costs the database nothing."""
READ_SECONDS = 1.0
"""No further tenant is counted after this; the next page goes on where this one ended."""
COUNT_MOST = 10_000
"""Past so many of one tenant's nobody needs to know how many there are."""
MOST_SECONDS = 2.0
"""A page waits no longer for a database that does not answer."""


@dataclass(slots=True)
class _Figures:
    """A tenant's counts, when they were read, and when that was last tried."""

    counts: Sequence[int]
    read_seconds: float
    tried_seconds: float = 0.0
    measured: Sequence[tuple[int, str, int]] = ()


class Backlogs(Reading):
    """Sums over the active tenants, of each of which the last known counts are kept.

    Totals and never a series a tenant: a deployment may have many. One statement a tenant, since
    none may name two.
    """

    def __init__(
        self,
        db: Database,
        tenants: Callable[[], Awaitable[Sequence[TenantRef]]],
        backlogs: Sequence[Backlog],
        gauges: Sequence[Figure] = (),
    ) -> None:
        self._db = db
        self._tenants = tenants
        self._backlogs = backlogs
        self._statement = _counting([one.statement for one in backlogs])
        self._gauges = gauges
        self._measuring = _measuring([one.statement for one in gauges])
        self._known: dict[str, _Figures] = {}
        self._lock = asyncio.Lock()
        self._due_seconds = 0.0
        self._totals: Sequence[int] = ()
        self._age_seconds = 0.0

    async def refresh(self) -> None:
        """Count again what is not fresh, for a second; a reading under way is not waited for."""
        loop = asyncio.get_running_loop()
        if not self._lock.locked() and loop.time() >= self._due_seconds:
            async with self._lock:
                try:
                    async with asyncio.timeout(MOST_SECONDS):
                        await self._read(loop.time)
                except Exception as error:  # the page is asked for in bad times above all
                    log.warning("backlogs_not_read", error=repr(error))
                self._due_seconds = loop.time() + FRESH_SECONDS
        self._sum(loop.time())

    def collect(self) -> Iterator[Metric]:
        """Yield a gauge for each backlog; none before the first reading."""
        for backlog, total in zip(self._backlogs, self._totals, strict=False):
            yield GaugeMetricFamily(backlog.name, backlog.meaning, total)
        yield from self._measured()
        yield GaugeMetricFamily(
            "guildbank_backlogs_age_seconds",
            "Age of the oldest count that the backlog gauges are made of.",
            self._age_seconds,
        )

    def _measured(self) -> Iterator[Metric]:
        """Yield each figure over all tenants; one that nobody has yet has no sample."""
        for place, gauge in enumerate(self._gauges):
            by_label: dict[str, list[int]] = {}
            for figures in self._known.values():
                for which, label, value in figures.measured:
                    if which == place:
                        by_label.setdefault(label, []).append(value)
            labels = [] if gauge.label is None else [gauge.label]
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=labels)
            for label, values in sorted(by_label.items()):
                family.add_metric([label] if labels else [], _COMBINE[gauge.combine](values))
            yield family

    async def _read(self, time: Callable[[], float]) -> None:
        schemas = {one.schema for one in await self._tenants() if one.state == "active"}
        began = time()
        nothing = [0] * len(self._backlogs)
        self._known = {
            schema: self._known.get(schema) or _Figures(nothing, read_seconds=began)
            for schema in schemas
        }
        # The longest untried come first, so that a tenant in trouble does not hide the others.
        for schema, figures in sorted(self._known.items(), key=lambda one: one[1].tried_seconds):
            if time() > began + READ_SECONDS:
                return
            figures.tried_seconds = time()
            try:
                async with self._db.begin(schema, read_only=True) as tx:
                    figures.counts = list(await tx.driver.fetchrow(self._statement) or nothing)
                    if self._gauges:
                        rows = await tx.driver.fetch(self._measuring)
                        figures.measured = [(row[0], row[1], row[2]) for row in rows]
            except Exception as error:
                log.warning("backlog_not_read", schema=schema, error=repr(error))
            else:
                figures.read_seconds = time()

    def _sum(self, now: float) -> None:
        known = self._known.values()
        if known:
            self._totals = [sum(counts) for counts in zip(*(f.counts for f in known), strict=True)]
            self._age_seconds = max(now - figures.read_seconds for figures in known)
        else:
            self._totals = [0] * len(self._backlogs)


_COMBINE: Mapping[str, Callable[[Sequence[int]], int]] = {"sum": sum, "min": min, "max": max}


def _measuring(statements: Sequence[str]) -> str:
    """Return a statement with the rows of each of these behind its place."""
    return " UNION ALL ".join(
        f"SELECT {place}, label, value::bigint "  # noqa: S608 - statements of our rooms
        f"FROM ({one}) AS measured (label, value)"
        for place, one in enumerate(statements)
    )


def _counting(statements: Sequence[str]) -> str:
    """Return a statement with a column for each of these: how many rows it finds."""
    counts = [
        f"(SELECT count(*) FROM ({one} LIMIT {COUNT_MOST}) AS found)"  # noqa: S608 - of our rooms
        for one in statements
    ]
    return f"SELECT {', '.join(counts)}"
