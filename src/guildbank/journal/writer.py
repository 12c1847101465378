"""The journal's engine in one process: a queue a tenant, and what to do when a batch fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, repeat

import asyncpg
import structlog

from guildbank.infra.acting import ACTING
from guildbank.infra.batching import Batcher, Overloaded, Ticket, TooLate
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.audit import AuditSealer, Witness
from guildbank.journal.batch import Unforeseen
from guildbank.journal.contracts import Outcome, Probe, Receipt, Unavailable
from guildbank.journal.deciding import Answer, Group
from guildbank.journal.foresight import Foresight
from guildbank.journal.meter import Meter
from guildbank.journal.usecases.commit import CommitUnknown, commit_batch, no_probe

log = structlog.get_logger(__name__)

BULK_CHUNK = 200
SHARED_CHUNK = 64
_SHARED_SECONDS = 1
MAX_EACH = 8_000
MAX_ALL = 1_000
_RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
_ASK_SECONDS = 0.2
PATIENCE_SECONDS = 10

# What is said when the database, and not the batch, is the trouble: the batch may be sent again.
# asyncpg.InterfaceError is not among them: it also stands for values that cannot be encoded.
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
)

Groups = list[Group]
Job = Ticket[Groups, list[Sequence[Answer]]]
Committed = Callable[[str], None]
Sealers = Callable[[TenantRef | None], Awaitable[AuditSealer]]


class Journal:
    """Submits acts to tenants' journals. One for each process.

    `committed` is called with the schema after each commit, outside the transaction. `probe` is
    awaited at named points of a batch; tests cut there. `bulk_chunk` is how many operations of the
    bulk lane one batch takes at most: more are faster and make the interactive lane wait longer, so
    it is SHARED_CHUNK while single operations come. `meter` counts what an operator watches.
    `sealers` finds what seals the notes of who did it; without them only the system acts here.
    """

    def __init__(
        self,
        db: Database,
        *,
        writers: int = 4,
        committed: Committed = lambda _schema: None,
        probe: Probe = no_probe,
        max_queue: int = 10_000,
        bulk_chunk: int = BULK_CHUNK,
        meter: Meter | None = None,
        sealers: Sealers | None = None,
    ) -> None:
        self._db = db
        self._slots = asyncio.Semaphore(writers)
        self._committed = committed
        self._probe = probe
        self._max_queue = max_queue
        self._bulk_chunk = bulk_chunk
        self.meter = meter or Meter()
        self._sealers = sealers
        self._batchers: dict[str, Batcher[Groups, list[Sequence[Answer]]]] = {}
        self._runners: dict[str, _TenantRunner] = {}
        self._closed = False

    async def submit(self, schema: str, act: Act) -> Outcome:
        """Run one act; returns its receipt (or the earlier one of its key) or its refusal.

        Raises Unavailable, or the defect that the act itself raised.
        """
        await self._note(schema, (act,))
        answers = await self._send(schema, [Group((act,))], early=bool(act.locks))
        return _outcome(answers[0][0])

    def chunk(self, schema: str) -> int:
        """Return how many acts of the bulk lane one batch takes now."""
        batcher = self._batchers.get(schema)
        shared = batcher is not None and batcher.is_shared(_SHARED_SECONDS)
        return min(self._bulk_chunk, SHARED_CHUNK) if shared else self._bulk_chunk

    async def submit_each(self, schema: str, acts: Sequence[Act]) -> list[Outcome | Exception]:
        """Run up to MAX_EACH acts, each on its own, in the bulk lane; answers in order.

        Once a chunk is Unavailable, so is the rest: it is not sent.
        """
        if len(acts) > MAX_EACH:
            raise ValueError(f"at most {MAX_EACH} acts at once")
        await self._note(schema, acts)
        outcomes: list[Outcome | Exception] = []
        while len(outcomes) < len(acts):
            chunk = acts[len(outcomes) : len(outcomes) + self.chunk(schema)]
            early = any(act.locks for act in chunk)
            try:
                answers = await self._send(
                    schema, [Group((act,)) for act in chunk], bulk=True, early=early
                )
            except Unavailable as away:
                outcomes.extend([away] * (len(acts) - len(outcomes)))
                break
            for (answer,) in answers:
                if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                    raise answer
                outcomes.append(answer)
        return outcomes

    async def submit_all(
        self, schema: str, acts: Sequence[Act], *, bulk: bool = True
    ) -> list[Outcome]:
        """Run up to MAX_ALL acts in one commit or none; the last answer is then the refusal.

        Few acts that somebody waits for go beside single ones, with `bulk` off.
        """
        if len(acts) > MAX_ALL:
            raise ValueError(f"at most {MAX_ALL} acts in one commit")
        await self._note(schema, acts)
        early = any(act.locks for act in acts)
        answers = await self._send(schema, [Group(list(acts))], bulk=bulk, early=early)
        return [_outcome(answer) for answer in answers[0]]

    async def close(self) -> None:
        """Take no more acts and finish those that are queued."""
        self._closed = True
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))
        await asyncio.gather(*(runner.foresight.close() for runner in self._runners.values()))

    def waiting(self) -> int:
        """Return the operations queued over all tenants."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    async def _note(self, schema: str, acts: Sequence[Act]) -> None:
        """Let each act say who does it from where, unless a machine's posting says enough."""
        acting = ACTING.get()
        if acting is None or acting.schema != schema:
            return
        noted = [
            act
            for act in acts
            if act.principal == acting.principal
            and not (act.is_record and acting.kind == "machine")
        ]
        if not noted:
            return
        if self._sealers is None:
            raise RuntimeError("this journal was opened without what seals notes")
        witness = Witness(await self._sealers(acting.tenant), acting)
        for act in noted:
            act.witness = witness

    async def _send(
        self, schema: str, groups: Groups, *, bulk: bool = False, early: bool = False
    ) -> list[Sequence[Answer]]:
        if self._closed:
            raise Unavailable("This worker is shutting down. Nothing was begun: try again.")
        batcher = self._batchers.get(schema)
        if batcher is None:
            runner = self._runners[schema] = _TenantRunner(self, schema)
            batcher = self._batchers[schema] = Batcher(
                runner, self._slots, max_queue=self._max_queue, arrived=runner.foresight.look
            )
        try:
            return await batcher.submit(
                groups,
                weight=sum(len(group.acts) for group in groups),
                # Acts that lock rows go by the lane whose tickets are drawn before the lock.
                early=early,
                bulk=bulk,
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


class _Batch:
    """The jobs of one batch: those drawn early, then those drawn once the lock was held."""

    def __init__(self, early: list[Job], draw: Callable[[], list[Job]]) -> None:
        self.jobs = early
        self._draw = draw
        self._drawn = False

    def groups(self) -> Groups:
        """Return what is in the batch so far."""
        return [group for job in self.jobs for group in job.item]

    def draw(self) -> Groups:
        """Draw from the queue, the first time only: a batch that is sent again stays as it is."""
        if self._drawn:
            return []
        self._drawn = True
        more = self._draw()
        self.jobs = self.jobs + more
        return [group for job in more for group in job.item]


class _TenantRunner:
    """Runs the batches of one tenant; every job that it was given gets an answer."""

    def __init__(self, journal: Journal, schema: str) -> None:
        self._journal = journal
        self._meter = journal.meter
        self._schema = schema
        self.foresight = Foresight(
            journal._db, schema, self._count, self._waiting, journal.meter.count_ahead
        )

    def _count(self) -> int:
        return self._journal._batchers[self._schema].waiting

    def _waiting(self, turn: int) -> Groups:
        items = self._journal._batchers[self._schema].waiting_items(turn)
        return [group for item in items for group in item]

    async def __call__(self, early: list[Job], draw: Callable[[], list[Job]]) -> None:
        batch = _Batch(early, draw)
        ended = self._meter.begun(self._journal.waiting)
        give_up_seconds = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        try:
            await self._settle(batch.groups, batch.draw, give_up_seconds)
        finally:
            # Some are not settled when the loop is closing and this task was cancelled.
            unsettled = [group for group in batch.groups() if not group.settled]
            _fail(unsettled, Unavailable(_too_late(begun=True)))
            for job in batch.jobs:
                job.resolve([group.answers for group in job.item])
            ended(batch.groups())

    async def _settle(
        self, groups: Callable[[], Groups], draw: Callable[[], Groups], give_up_seconds: float
    ) -> None:
        """Commit the groups; split them when one of them spoils it, so that it fails alone."""
        try:
            await self._until_committed(groups, draw, give_up_seconds)
        except Unavailable as away:
            _fail(groups(), away)
        except Exception as error:
            failed = groups()
            if len(failed) <= 1:
                _fail(failed, error)
                return
            log.warning("journal_batch_split", schema=self._schema, error=repr(error))
            self._meter.split.inc()
            half = len(failed) // 2
            for part in (failed[:half], failed[half:]):
                await self._settle(part.copy, list, give_up_seconds)

    async def _until_committed(
        self, groups: Callable[[], Groups], draw: Callable[[], Groups], give_up_seconds: float
    ) -> None:
        """Send the batch, and again while the database is away."""
        loop = asyncio.get_running_loop()
        for pause in chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1])):
            try:
                await self._attempt(groups(), draw)
            except Unforeseen as known:
                # Decided anew, under the lock.
                log.info("journal_unforeseen", schema=self._schema, error=repr(known.__cause__))
                self.foresight.be_wary()
            except _AWAY as away:
                log.warning("journal_batch_failed", schema=self._schema, error=repr(away))
                if isinstance(away, asyncpg.LockNotAvailableError):
                    await self._end_stuck()
                if loop.time() > give_up_seconds:
                    raise Unavailable(_too_late(begun=False)) from away
                self._meter.sent_again.inc()
                await asyncio.sleep(pause)
            else:
                self._committed(groups())
                return

    async def _attempt(self, groups: Groups, draw: Callable[[], Groups]) -> None:
        """Return when the batch is committed; an _AWAY error says that it is not."""
        committed = False
        try:
            async with self._journal._db.connect() as tx:
                await commit_batch(
                    tx, self._schema, groups, draw, self._journal._probe, self.foresight
                )
                committed = True
        except CommitUnknown as lost:
            self.foresight.forget()
            if not await self._was_committed(lost):
                raise ConnectionResetError("the batch was lost with its connection") from lost
        except Exception as error:
            if not committed:
                self.foresight.forget()
                raise
            # A connection that cannot be given back is no reason to do it all again.
            log.warning("journal_connection_lost", schema=self._schema, error=repr(error))

    async def _was_committed(self, lost: CommitUnknown) -> bool:
        """Ask the chain, under the lock that the lost transaction may still hold."""
        loop = asyncio.get_running_loop()
        give_up_seconds = loop.time() + PATIENCE_SECONDS
        while True:
            try:
                async with self._journal._db.begin(self._schema) as tx:
                    await store.lock_journal(tx.driver)
                    return await store.batch_exists(tx.driver, lost.last_seq, lost.hash)
            except Exception as error:  # whatever it is: not to know is no leave to do it twice
                log.warning("journal_commit_unknown", schema=self._schema, error=repr(error))
                if loop.time() > give_up_seconds:
                    raise Unavailable(_too_late(begun=True)) from error
            await asyncio.sleep(_ASK_SECONDS)

    async def _end_stuck(self) -> None:
        """End whoever holds the journal and will never finish by itself."""
        with suppress(*_AWAY):
            async with self._journal._db.begin(self._schema) as tx:
                if ended := await store.end_stuck(tx.driver):
                    log.warning("journal_holder_ended", schema=self._schema, sessions=ended)

    def _committed(self, groups: Groups) -> None:
        for group in groups:
            group.settled = True
        if not any(map(_is_new, chain.from_iterable(group.answers for group in groups))):
            return
        try:
            self._journal._committed(self._schema)
        except Exception:
            log.exception("journal_ping_failed", schema=self._schema)


def _is_new(answer: Answer) -> bool:
    return isinstance(answer, Receipt) and not answer.replayed


def _fail(groups: Iterable[Group], error: Exception) -> None:
    for group in groups:
        group.answers = [error] * len(group.acts)
        group.settled = True
