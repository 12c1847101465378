"""Counters of all worker processes on one page: each writes a mapped file, any of them adds up."""

import asyncio
import os
import re
import shutil
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LIVE_FILE = re.compile(r"^gauge_live[a-z]*_(\d+)\.db$")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets of everything that a caller waits for."""


def share_metrics(folder: Path) -> None:
    """Make `folder` empty and let this process and its children keep their counters there.

    The parent calls this once, before any worker runs: an earlier run's files would be added.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[_VARIABLE] = str(folder)


def new_registry() -> CollectorRegistry:
    """Return a registry whose counters live in the shared folder, or in this process without one.

    The client chose where at its import, maybe before the folder was named or after it was gone.
    """
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


class Reading(Collector):
    """Figures that are looked up when the page is asked for: state that all processes share."""

    @abstractmethod
    async def refresh(self) -> None:
        """Look the figures up, at a bounded cost; what cannot be read keeps its last figure."""


class Metrics:
    """The counters of the HTTP edge; rooms add theirs to `registry`.

    Without `share_metrics` they stay in this process, which is right for a single worker.
    """

    def __init__(self) -> None:
        self.registry = new_registry()
        self._looked_up = CollectorRegistry()
        self._readings: list[Reading] = []
        self._latency = Histogram(
            "guildbank_http_request_seconds",
            "Time to answer a request; its _count is the number of requests.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self.in_flight = Gauge(
            "guildbank_http_requests_in_flight",
            "Requests being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.refused = Counter(
            "guildbank_http_refused_busy",
            "Requests refused because the process had too many.",
            registry=self.registry,
        )

        self._limited = Counter(
            "guildbank_http_rate_limited",
            "Requests answered 429, by the name of the limit.",
            ("limit",),
            registry=self.registry,
        )

    def count_limit(self, limit: str) -> None:
        """Show a limit on the page before it refuses for the first time."""
        self._limited.labels(limit)

    def limited(self, limit: str) -> None:
        """Count a request that a rate limit refused."""
        self._limited.labels(limit).inc()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request by its route's template, never by its address."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._latency.labels(method, route, str(status))
        child.observe(seconds)

    def look_up(self, reading: Reading) -> None:
        """Add figures that are the same whichever process is asked."""
        self._looked_up.register(reading)
        self._readings.append(reading)

    async def fresh_page(self) -> bytes:
        """Return the page once what is looked up has been."""
        for reading in self._readings:
            await reading.refresh()
        return await asyncio.to_thread(self.page)

    def page(self) -> bytes:
        """Return the Prometheus text of all processes that share the folder."""
        return self._counted() + generate_latest(self._looked_up)

    def _counted(self) -> bytes:
        folder = os.environ.get(_VARIABLE)
        if folder is None:
            return generate_latest(self.registry)
        _forget_dead_processes(Path(folder))
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


def _forget_dead_processes(folder: Path) -> None:
    """Drop the gauges of workers that ended; their counters stay, as totals must not shrink."""
    for file in folder.iterdir():
        named = _LIVE_FILE.match(file.name)
        if named is None:
            continue
        pid = int(named.group(1))
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
