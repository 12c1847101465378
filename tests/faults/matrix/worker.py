"""A worker that can die at a named point, in process: nothing of it runs on, and nobody is told.

All that it began bears its mark, by a context variable that tasks inherit. Where it dies its
connections are cut at once and its pool lends no others, so that nothing of it reaches the database
any more; then its tasks are cancelled and its parts dropped. Another worker takes over by what it
finds in the database.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
from tests.faults.matrix.studio import CREDITED, PATH
from tests.payments.shop import Ahead, Shop

from guildbank.approvals import FourEyes
from guildbank.approvals.usecases.gate import Gated
from guildbank.infra.database import Database, NoConnection, Tx
from guildbank.infra.egress import Answer, Egress, Method
from guildbank.infra.error_rate import ErrorRates, Rule
from guildbank.infra.pool import Pool
from guildbank.journal import Act, Journal, Outcome
from guildbank.payments import PaymentHistories, PaymentRecord, Payments, Timing
from guildbank.payments.usecases.settle import Settle
from guildbank.pipelines import Pipelines
from guildbank.plugin_api import OutcomeStatus
from guildbank.plugin_host import Plugins
from guildbank.store import PackFulfilment
from guildbank.tenancy import Tenants

if TYPE_CHECKING:
    from tests.faults.matrix.deeds import Deed

T = TypeVar("T")
_TRUST = httpx.create_ssl_context(trust_env=False)
"""Read once: that takes longer than most lives do."""
_OF: ContextVar["Worker | None"] = ContextVar("worker", default=None)
WORDS = {
    "payments.create": "created",
    "payments.attempt": "attempted",
    "payments.settle": "noted",
    "payments.confirm": "noted",
    "payments.finish": "finished",
    "payments.refund": "clawed",
    "payments.refund_finish": "refund noted",
    "payments.confirm_refund": "refund noted",
    "payments.refund_reported": "refund reported",
    "payments.dispute": "dispute followed",
    "payments.end": "ended",
}
"""What the commit of an act is called; one that moves a provider's money has a name of its own."""
MOVED = {"noted": "captured", "refund noted": "refunded"}


class Died(Exception):
    """The worker died at its point."""


class Cut:
    """Where a worker dies, the first time; it remembers what was met."""

    def __init__(self, point: str | None) -> None:
        self.point = point
        self.met: list[str] = []
        self.is_done = point is None

    def strikes(self, point: str) -> bool:
        """Note a point; say whether the worker dies here."""
        self.met.append(point)
        if self.is_done or point != self.point:
            return False
        self.is_done = True
        return True


class Premises(NamedTuple):
    """What a worker stands on: rooms below over a database, a clock, and its own address."""

    db: Database
    tenants: Tenants
    four_eyes: FourEyes
    clock: Ahead
    url: str


def premises_of(shop: Shop) -> Premises:
    """Return where a worker of the shop works, in this process."""
    house = shop.house
    return Premises(house.db, house.tenancy.tenants, house.four_eyes, shop.clock, shop.payments.url)


class MortalDatabase(Database):
    """A pool of its own that lends nothing once its worker is dead; the engine keeps none."""

    def __init__(self, like: Database) -> None:
        self.engine = like.engine
        self._pool = Pool(self.engine, size=4, wait_seconds=10)
        self._lent: set[Any] = set()
        self._dead = False

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Tx]:
        """Lend a connection. Raises NoConnection, always after the death."""
        if self._dead:
            raise NoConnection("its worker is dead")
        async with super().connect() as tx:
            if self._dead:
                raise NoConnection("its worker is dead")
            self._lent.add(tx.driver)
            try:
                yield tx
            finally:
                self._lent.discard(tx.driver)

    def die(self) -> None:
        """Cut every connection that is lent: the server rolls back what was not committed."""
        self._dead = True
        for driver in self._lent:
            driver.terminate()


class NamingJournal(Journal):
    """A journal that knows what is on its way, so that points have names."""

    on_its_way: list[str]

    async def submit(self, schema: str, act: Act) -> Outcome:
        """Run one act."""
        name = name_of(act)
        self.on_its_way.append(name)
        try:
            return await super().submit(schema, act)
        finally:
            self.on_its_way.remove(name)

    async def submit_all(
        self, schema: str, acts: Sequence[Act], *, bulk: bool = True
    ) -> list[Outcome]:
        """Run several in one commit."""
        # It is one point; the first act names it, so that the others' own commits can be told.
        name = name_of(acts[0])
        self.on_its_way.append(name)
        try:
            return await super().submit_all(schema, acts, bulk=bulk)
        finally:
            self.on_its_way.remove(name)


def name_of(act: Act) -> str:
    """Return what the commit of an act is called."""
    if isinstance(act, Gated) and act.inner is not None:
        return name_of(act.inner)
    word = WORDS.get(act.verb, act.verb)
    outcome = getattr(act, "outcome", None)
    if isinstance(act, Settle) or word in MOVED:
        moved = outcome is not None and outcome.status is OutcomeStatus.PROCESSED
        return MOVED[word] if moved else word
    return word


class Wire(Egress):
    """The way to a company: real HTTP, with a point before each request and after its answer."""

    def __init__(self, worker: "Worker", places: Mapping[str, str]) -> None:
        super().__init__(private=True, trust=_TRUST)
        self._worker = worker
        self._places = places

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        hosts: frozenset[str] | None = None,
        total_seconds: float = 20.0,
        owner: str = "",
        keep: bool = False,
    ) -> Answer:
        """Send one request; nothing leaves and nothing is read once the worker is dead."""
        place = self._place(f"{method} {urlsplit(url).path}", body)
        if place is not None:
            await self._worker.passes(f"{place} asked")
        answer = await super().send(
            method, url, headers=headers, body=body, hosts=hosts, total_seconds=total_seconds,
            owner=owner, keep=keep,
        )  # fmt: skip
        if place is not None:
            await self._worker.passes(f"{place} answered")
        return answer

    def _place(self, line: str, body: bytes | None) -> str | None:
        """Return what a request does; of what the studio is told, its credits have a point."""
        if line == f"POST {PATH}":
            return "told" if f'"{CREDITED}"'.encode() in (body or b"") else None
        return next((name for end, name in self._places.items() if line.endswith(end)), "looked")


class Worker:
    """The parts of payments as a process has them, over the shop's database."""

    def __init__(
        self, premises: Premises, found: Sequence[tuple[str, object]], places: Mapping[str, str]
    ) -> None:
        below, tenants, four_eyes, clock, url = premises
        self._made_of = premises, found, places
        self.cut = Cut(None)
        self.on_answer: Any = None
        """What is awaited with each place whose answer has come, before it is read."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._died = asyncio.Event()
        self.db = MortalDatabase(below)
        self.journal = NamingJournal(self.db, probe=self._probe, sealers=tenants.sealer)
        self.journal.on_its_way = []
        plugins, egress = Plugins(found), Wire(self, places)
        self.payments = Payments(
            db=self.db,
            journal=self.journal,
            tenants=tenants,
            plugins=plugins,
            pipelines=Pipelines(
                self.db,
                self.journal,
                plugins,
                egress,
                four_eyes,
                tenants,
                {"packs": "Coin packs."},
                clock,
                PaymentHistories(self.db, clock),
            ),
            fulfilment=PackFulfilment(),
            url=url,
            four_eyes=four_eyes,
            egress=egress,
            clock=clock,
            timing=Timing(nudge=timedelta(0), patience_seconds=30),
            rates=ErrorRates(Rule(errors=100_000)),
        )
        self.payments.pipelines.record = PaymentRecord(self.payments)

    def successor(self) -> "Worker":
        """Return a fresh worker in its place."""
        return Worker(*self._made_of)

    async def do(self, deed: "Deed[T]") -> T:
        """Do as a deed says. Raises Died."""
        return await self.run(deed.begin(self))

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something as this worker, with all that it begins. Raises Died."""
        task = self._start(work)
        await self._until(task)
        await self._until(self._start(self.payments.drain()))
        return task.result()

    async def passes(self, point: str) -> None:
        """Pass a point, or die there: whoever is here never comes back."""
        if self._died.is_set():
            await asyncio.Event().wait()
        if not self.cut.strikes(point):
            if self.on_answer is not None and point.endswith(" answered"):
                # What another process does then is none of this one's.
                word = self.on_answer(point.removesuffix(" answered"))
                await asyncio.create_task(word, context=Context())
            return
        self._died.set()
        self.db.die()
        await asyncio.Event().wait()

    def owns(self, task: "asyncio.Task[Any]") -> None:
        """Know a task as this worker's: it ends with it."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End in order."""
        await self.payments.close()
        await self.journal.close()
        await self.db.close()

    async def _probe(self, point: str) -> None:
        if point in ("before_commit", "after_commit"):
            when = point.removesuffix("_commit")
            for name in dict.fromkeys(self.journal.on_its_way):
                await self.passes(f"{when} {name}")

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        context = copy_context()
        context.run(_OF.set, self)
        task = asyncio.create_task(work, context=context)
        self.owns(task)
        return task

    async def _until(self, task: asyncio.Task[Any]) -> None:
        died = asyncio.create_task(self._died.wait())
        await asyncio.wait({task, died}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if self._died.is_set():
            await self._bury()
            raise Died

    async def _bury(self) -> None:
        """Drop all that the dead worker had; what its tasks still try finds no way out."""
        while alive := {task for task in self._tasks if not task.done()}:
            for task in alive:
                task.cancel()
            await asyncio.wait(alive, timeout=1)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.payments.plugins.close()
        await self.payments.egress.close()
        await self.db.close()


def mark_tasks(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> "asyncio.Future[Any]":
    """Make a task as the loop would, and let the worker know whose it is: the loop's factory."""
    task = asyncio.Task(work, loop=loop, **more)
    worker = _OF.get()
    if worker is not None:
        worker.owns(task)
    return task
