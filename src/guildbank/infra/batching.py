"""Group commit: while one batch is in flight the next gathers; idle means run at once.

A batch belongs to no request. Items are drawn from the queue by the runner when it holds what it
waits for, so that a batch is as large as the wait was long.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Unserved(Exception):
    """What was asked cannot be done now, and may be asked again; the text is for the caller."""

    def __init__(self, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Exception):
    """The queue is full or closing: nothing was begun."""


class TooLate(Exception):
    """The deadline passed. `begun` says whether the item was drawn, so its end is unknown."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the deadline passed")
        self.begun = begun


class Ticket(Generic[Item, Result]):
    """An item in the queue and the future that its caller waits for."""

    __slots__ = ("begun", "early", "future", "item", "weight")

    def __init__(self, item: Item, weight: int, early: bool) -> None:
        self.item = item
        self.weight = weight
        self.early = early
        self.begun = False
        self.future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def resolve(self, result: Result) -> None:
        """Answer the caller, if it still waits."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Tell the caller what went wrong, if it still waits."""
        if not self.future.done():
            self.future.set_exception(error)


class Runner(Protocol[Item, Result]):
    """Runs one batch: `early` was drawn before the wait, `draw` gives the rest after it.

    It must resolve or fail every ticket that it was given, and raise nothing.
    """

    async def __call__(
        self,
        early: list[Ticket[Item, Result]],
        draw: Callable[[], list[Ticket[Item, Result]]],
    ) -> None:
        """Run the batch."""
        ...


class Batcher(Generic[Item, Result]):
    """A bounded queue with an early, an interactive and a bulk lane, and one batch in flight.

    `slots` bounds the batches in flight over all queues of the process; it is fair, so that a
    flooded queue waits its turn like the others. Weights count operations. `arrived` is called
    when an item was queued.
    """

    def __init__(
        self,
        run: Runner[Item, Result],
        slots: asyncio.Semaphore,
        *,
        max_batch: int = 500,
        max_queue: int = 10_000,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self._run = run
        self._arrived = arrived
        self._slots = slots
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._early: deque[Ticket[Item, Result]] = deque()
        self._lane: deque[Ticket[Item, Result]] = deque()
        self._bulk: deque[Ticket[Item, Result]] = deque()
        self._waiting = 0
        self._bulk_is_next = False
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._single_at = -inf

    @property
    def waiting(self) -> int:
        """Return the operations in the queue."""
        return self._waiting

    def is_shared(self, seconds: int) -> bool:
        """Say whether an item that is not bulk came in the last seconds."""
        return asyncio.get_running_loop().time() - self._single_at < seconds

    async def submit(
        self,
        item: Item,
        *,
        weight: int = 1,
        early: bool = False,
        bulk: bool = False,
        timeout_seconds: int = 10,
    ) -> Result:
        """Queue the item and wait for its result.

        `early` items take part in the wait itself (they lock rows first) and have a lane of their
        own, `bulk` ones or not. A caller that is cancelled before its item is drawn withdraws it;
        afterwards the batch goes on without it.
        Raises Overloaded, TooLate, or what the runner failed the ticket with.
        """
        if self._closing or self._waiting + weight > self._max_queue:
            raise Overloaded
        ticket: Ticket[Item, Result] = Ticket(item, weight, early)
        (self._early if early else self._bulk if bulk else self._lane).append(ticket)
        self._waiting += weight
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        self._arrived()
        loop = asyncio.get_running_loop()
        if not bulk:
            self._single_at = loop.time()
        timer = loop.call_later(timeout_seconds, lambda: ticket.fail(TooLate(ticket.begun)))
        try:
            return await ticket.future
        finally:
            timer.cancel()

    async def drain(self) -> None:
        """Take no more items and wait until those in the queue are done."""
        self._closing = True
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        # One step back to the loop: items of the same moment belong to the same batch.
        await asyncio.sleep(0)
        try:
            while self._awaited():
                async with self._slots:
                    await self._run(self._draw_early(), self._draw)
        except BaseException:
            # Cancelled, so the loop is closing: no caller may be left waiting.
            for lane in (self._early, self._lane, self._bulk):
                while lane:
                    ticket = lane.popleft()
                    self._waiting -= ticket.weight
                    ticket.fail(TooLate(begun=False))
            raise

    def _awaited(self) -> bool:
        """Drop items whose callers went away, and say whether any is left.

        Without it a queue would keep its dead as long as no batch can begin, and never drain.
        """
        for lane in (self._early, self._lane, self._bulk):
            while lane and lane[0].future.done():
                self._waiting -= lane.popleft().weight
        return bool(self._early or self._lane or self._bulk)

    def waiting_items(self, turn: int = 0) -> list[Item]:
        """Return what would be drawn now, or `turn` draws later, and leave it in the queue."""
        lane, bulk = iter(self._lane), iter(self._bulk)
        bulk_is_next = self._bulk_is_next
        drawn: list[Ticket[Item, Result]] = []
        for _ in range(turn + 1):
            drawn, weight = [], 0
            while weight < self._max_batch and (ticket := next(lane, None)) is not None:
                drawn.append(ticket)
                weight += ticket.weight
            if (bulk_is_next or not drawn) and (ticket := next(bulk, None)) is not None:
                drawn.append(ticket)
                bulk_is_next = False
            else:
                bulk_is_next = True
        return [ticket.item for ticket in drawn if not ticket.future.done()]

    def _draw_early(self) -> list[Ticket[Item, Result]]:
        return self._begin(self._take(self._early))

    def _draw(self) -> list[Ticket[Item, Result]]:
        drawn = self._take(self._lane)
        if self._bulk and (self._bulk_is_next or not drawn):
            drawn.append(self._bulk.popleft())
            self._bulk_is_next = False
        else:
            self._bulk_is_next = True
        return self._begin(drawn)

    def _take(self, lane: deque[Ticket[Item, Result]]) -> list[Ticket[Item, Result]]:
        taken: list[Ticket[Item, Result]] = []
        weight = 0
        while lane and weight < self._max_batch:
            ticket = lane.popleft()
            taken.append(ticket)
            weight += ticket.weight
        return taken

    def _begin(self, tickets: list[Ticket[Item, Result]]) -> list[Ticket[Item, Result]]:
        live = []
        for ticket in tickets:
            self._waiting -= ticket.weight
            if not ticket.future.done():
                ticket.begun = True
                live.append(ticket)
        return live
