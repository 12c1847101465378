"""The journal's engine in one process: a queue a tenant, and what to do when a batch fails."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from guildbank.infra.batching import Batcher, Overloaded, Ticket, TooLate
from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.contracts import Act, Outcome, Unavailable
from guildbank.journal.usecases.commit import (
    Answer,
    CommitUnknown,
    Group,
    Probe,
    commit_batch,
    no_probe,
)

log = structlog.get_logger(__name__)

BULK_CHUNK = 200
MAX_EACH = 8_000
MAX_ALL = 1_000
_RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
PATIENCE_SECONDS = 10

# What PostgreSQL says when it, and not the batch, is the trouble: the batch may be sent again.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    SQLAlchemyError,
)

Groups = list[Group]
Job = Ticket[Groups, list[list[Answer]]]
Committed = Callable[[str], None]


class Journal:
    """Submits acts to tenants' journals. One for each process.

    `committed` is called with the schema after each commit, outside the transaction. `probe` is
    awaited at named points of a batch; tests cut there.
    """

    def __init__(
        self,
        db: Database,
        *,
        writers: int = 4,
        committed: Committed = lambda _schema: None,
        probe: Probe = no_probe,
        max_queue: int = 10_000,
    ) -> None:
        self._db = db
        self._slots = asyncio.Semaphore(writers)
        self._committed = committed
        self._probe = probe
        self._max_queue = max_queue
        self._batchers: dict[str, Batcher[Groups, list[list[Answer]]]] = {}

    async def submit(self, schema: str, act: Act) -> Outcome:
        """Run one act; returns its receipt (or the earlier one of its key) or its refusal.

        Raises Unavailable, or the defect that the act itself raised.
        """
        answers = await self._send(schema, [Group([act])], early=bool(act.locks))
        return _outcome(answers[0][0])

    async def submit_each(self, schema: str, acts: Sequence[Act]) -> list[Outcome | Exception]:
        """Run up to MAX_EACH acts, each on its own, in the bulk lane; answers in order."""
        outcomes: list[Outcome | Exception] = []
        for start in range(0, len(acts), BULK_CHUNK):
            groups = [Group([act]) for act in acts[start : start + BULK_CHUNK]]
            try:
                answers = await self._send(schema, groups, bulk=True)
            except Unavailable as away:
                outcomes.extend([away] * len(groups))
                continue
            for (answer,) in answers:
                if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                    raise answer
                outcomes.append(answer)
        return outcomes

    async def submit_all(self, schema: str, acts: Sequence[Act]) -> list[Outcome]:
        """Run up to MAX_ALL acts in one commit or none; the last answer is then the refusal."""
        early = any(act.locks for act in acts)
        answers = await self._send(schema, [Group(list(acts))], bulk=True, early=early)
        return [_outcome(answer) for answer in answers[0]]

    async def close(self) -> None:
        """Finish what is queued."""
        for batcher in self._batchers.values():
            await batcher.drain()

    def waiting(self) -> int:
        """Return the operations queued over all tenants."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    async def _send(
        self, schema: str, groups: Groups, *, bulk: bool = False, early: bool = False
    ) -> list[list[Answer]]:
        batcher = self._batchers.get(schema)
        if batcher is None:
            batcher = Batcher(_TenantRunner(self, schema), self._slots, max_queue=self._max_queue)
            self._batchers[schema] = batcher
        try:
            return await batcher.submit(
                groups,
                weight=sum(len(group.acts) for group in groups),
                early=early,
                # Acts that lock rows go by the lane whose tickets are drawn before the lock.
                bulk=bulk and not early,
                timeout_seconds=PATIENCE_SECONDS,
            )
        except Overloaded as full:
            raise Unavailable("Too many operations are waiting. Try again shortly.") from full
        except TooLate as late:
            raise Unavailable(_too_late(late.begun)) from late


def _too_late(begun: bool) -> str:
    if begun:
        return (
            "The database did not answer in time. The operation may have happened: "
            "send it again with the same Idempotency-Key to learn its result."
        )
    return "The database did not answer in time. Nothing was begun: try again."


def _outcome(answer: Answer) -> Outcome:
    if isinstance(answer, BaseException):
        raise answer
    return answer


class _TenantRunner:
    """Runs the batches of one tenant."""

    def __init__(self, journal: Journal, schema: str) -> None:
        self._journal = journal
        self._schema = schema

    async def __call__(self, early: list[Job], draw: Callable[[], list[Job]]) -> None:
        held = early

        def draw_more() -> Groups:
            nonlocal held
            drawn = draw()
            held = held + drawn
            return [group for job in drawn for group in job.item]

        try:
            await self._until_done(lambda: held, draw_more)
        except Exception as error:  # every waiter must hear of it; none may hang
            if len(held) > 1 and not isinstance(error, Unavailable):
                await self._one_by_one(held)
                return
            for job in held:
                job.fail(error)

    async def _one_by_one(self, jobs: list[Job]) -> None:
        """Split a failed batch: the bad item fails alone."""
        half = len(jobs) // 2
        for part in (jobs[:half], jobs[half:]):
            await self(part, list)

    async def _until_done(self, held: Callable[[], list[Job]], draw: Callable[[], Groups]) -> None:
        """Send the batch, and again while the database is away; held jobs stay in it."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_SECONDS
        more: Callable[[], Groups] = draw
        for number in range(1_000):
            fixed = [group for job in held() for group in job.item]
            unknown: CommitUnknown | None = None
            try:
                async with self._journal._db.connect() as tx:
                    await commit_batch(tx, self._schema, fixed, more, self._journal._probe)
            except CommitUnknown as lost:
                unknown = lost
            except _AWAY as away:
                log.warning("journal_batch_failed", schema=self._schema, error=repr(away))
                if loop.time() > give_up:
                    raise Unavailable(_too_late(begun=False)) from away
            else:
                self._answer(held())
                return
            if unknown is not None and await self._was_committed(unknown, give_up):
                self._answer(held())
                return
            # What was drawn is in `held` now and belongs to this batch; the queue waits.
            more = list
            await asyncio.sleep(_RETRY_SECONDS[min(number, len(_RETRY_SECONDS) - 1)])

    async def _was_committed(self, lost: CommitUnknown, give_up: float) -> bool:
        """Ask the chain, under the lock that the lost transaction may still hold."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(*_AWAY):
                async with self._journal._db.begin(self._schema) as tx:
                    await store.lock_journal(tx.driver)
                    return await store.batch_exists(tx.driver, lost.last_seq, lost.hash)
            if loop.time() > give_up:
                raise Unavailable(_too_late(begun=True)) from lost
            await asyncio.sleep(0.2)

    def _answer(self, jobs: list[Job]) -> None:
        self._journal._committed(self._schema)
        for job in jobs:
            job.resolve([group.answers for group in job.item])
