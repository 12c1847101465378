"""What an operator watches of the journal; it costs a batch some microseconds."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from guildbank.infra.metrics import SECONDS, new_registry
from guildbank.journal.contracts import Receipt
from guildbank.journal.deciding import Answer, Group
from guildbank.kernel import Refusal

LOOK_SECONDS = 0.5
"""How often the queues are measured while a batch is under way."""

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Meter:
    """Counts batches and what became of their operations. One for each journal.

    Without a registry nobody reads it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or new_registry()
        self._batches = Counter(
            "guildbank_journal_batches",
            "Batches that ended: committed, empty (nothing was to be written) or failed.",
            ("outcome",),
            registry=registry,
        )
        self._operations = Counter(
            "guildbank_journal_operations",
            "Operations by their end; failed ones got no answer, or met a defect.",
            ("outcome",),
            registry=registry,
        )
        self._size = Histogram(
            "guildbank_journal_batch_operations",
            "Operations in a batch.",
            buckets=_SIZES,
            registry=registry,
        )
        self._seconds = Histogram(
            "guildbank_journal_batch_seconds",
            "Time from asking for a tenant's journal to the answers of its batch.",
            buckets=SECONDS,
            registry=registry,
        )
        self._waiting = Gauge(
            "guildbank_journal_operations_waiting",
            "Operations in the queues, over all tenants.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.split = Counter(
            "guildbank_journal_batches_split",
            "Batches cut in two because an operation in them spoiled the whole.",
            registry=registry,
        )
        self.sent_again = Counter(
            "guildbank_journal_batches_sent_again",
            "Batches sent once more because the database did not take them.",
            registry=registry,
        )
        ahead = Counter(
            "guildbank_journal_batches_ahead",
            "Batches decided ahead of their lock, and used under it or dropped and decided anew.",
            ("outcome",),
            registry=registry,
        )
        self._ahead = {True: ahead.labels("used"), False: ahead.labels("dropped")}
        # Made now, so that a page shows zeros and a batch makes no new series.
        self._ends = {name: self._batches.labels(name) for name in ("committed", "empty", "failed")}
        self._outcomes = [
            self._operations.labels(name) for name in ("accepted", "replayed", "refused", "failed")
        ]
        self._running = 0
        self._looking = False

    def begun(self, waiting: Callable[[], int]) -> Callable[[Iterable[Group]], None]:
        """Note a batch; call what is returned with its groups once they all have their answers.

        The queues are measured by `waiting` from now until all is done.
        """
        loop = asyncio.get_running_loop()
        began_seconds = loop.time()
        self._running += 1
        if not self._looking:
            self._looking = True
            loop.call_later(LOOK_SECONDS, self._look, waiting)

        def ended(groups: Iterable[Group]) -> None:
            self._running -= 1
            if self._count(groups):
                self._seconds.observe(loop.time() - began_seconds)

        return ended

    def count_ahead(self, used: bool) -> None:
        """Count a batch that was decided ahead."""
        self._ahead[used].inc()

    def _count(self, groups: Iterable[Group]) -> int:
        """Count what became of a batch; return its operations, of which it may have none."""
        counts = outcomes(group.answers for group in groups)
        accepted, _, _, failed = counts
        size = sum(counts)
        if size:
            end = "committed" if accepted else "failed" if failed == size else "empty"
            self._ends[end].inc()
            self._size.observe(size)
            for counter, count in zip(self._outcomes, counts, strict=True):
                if count:
                    counter.inc(count)
        return size

    def _look(self, waiting: Callable[[], int]) -> None:
        """Measure the queues, and once more when they are done, so that the last figure is 0."""
        count = waiting()
        self._waiting.set(count)
        self._looking = bool(count or self._running)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look, waiting)


def outcomes(answered: Iterable[Sequence[Answer]]) -> tuple[int, int, int, int]:
    """Return how many operations were accepted, replayed, refused and failed.

    Each list holds the answers of acts that stand or fall together: after a last answer that is
    no receipt, none of them has happened.
    """
    accepted = replayed = refused = failed = 0
    for answers in answered:
        last = answers[-1] if answers else None
        # By its type and not by isinstance: this runs for each operation, and most are alone.
        if type(last) is Receipt:
            if len(answers) == 1 and not last.replayed:
                accepted += 1
            else:
                again = sum(isinstance(one, Receipt) and one.replayed for one in answers)
                replayed += again
                accepted += len(answers) - again
        elif isinstance(last, Refusal):
            refused += 1
        else:
            failed += len(answers)
    return accepted, replayed, refused, failed
