"""Worker processes of a counter, one that answers and one that runs jobs; each may really die.

They are forked from a process that imported everything beforehand (multiprocessing's fork server),
which takes a tenth of what starting an interpreter does. Who dies is gone for the kernel too: its
exit is looked at. The other one lives on, and so do database, companies and the studio's server.
"""

import asyncio
import multiprocessing
import signal
from multiprocessing import forkserver
from typing import Any, TypeVar

from tests.faults.matrix.company import Company
from tests.faults.matrix.deeds import Deed
from tests.faults.matrix.line import HungUp, Line
from tests.faults.matrix.mortal import Answered, Done, Order, Passed, Post, work
from tests.faults.matrix.worker import Cut, Died
from tests.payments.shop import Ahead, Shop

T = TypeVar("T")
_PARENT = multiprocessing.get_context("forkserver")
_END_SECONDS = 30


def open_forge() -> None:
    """Begin to import what worker processes need, unless it has begun."""
    _PARENT.set_forkserver_preload(["tests.faults.matrix.forge"])
    forkserver.ensure_running()


class Mortal:
    """One worker process, as who asks it knows it."""

    is_over = False

    def __init__(self, post: Post) -> None:
        ours, theirs = _PARENT.Pipe()
        self._process = _PARENT.Process(target=work, args=(theirs, post), daemon=True)
        self._process.start()
        theirs.close()
        self._line = Line(ours)

    async def do(self, order: Order, cut: Cut, on_answer: Any) -> Any:
        """Let it do something. Raises Died where the kernel says that it was killed."""
        self._line.say(order)
        try:
            while True:
                match await self._line.hear():
                    case Passed(point):
                        cut.strikes(point)
                    case Answered(place):
                        await on_answer(place)
                        self._line.say("go on")
                    case Done(result, failure):
                        break
        except HungUp:
            code = await self._ended()
            assert (code, cut.is_done) == (-signal.SIGKILL, True), f"it ended by itself: {code}"
            raise Died from None
        except BaseException:
            # It waits for a word that nobody will say.
            self._process.kill()
            await self._ended()
            raise
        assert failure is None, failure
        return result

    async def close(self) -> None:
        """Let it end in order."""
        self._line.say(None)
        code = await self._ended()
        assert code == 0, code

    async def _ended(self) -> int | None:
        await asyncio.to_thread(self._process.join, _END_SECONDS)
        code = self._process.exitcode
        self._process.close()
        self._line.close()
        self.is_over = True
        return code


class Crew:
    """The processes of a counter; one is begun when there is work for it, and after a death."""

    def __init__(self, post: Post, clock: Ahead) -> None:
        self.cut = Cut(None)
        self.on_answer: Any = None
        self._post, self._clock = post, clock
        self._hands: dict[bool, Mortal] = {}
        """Who answers, and who runs jobs."""

    async def do(self, deed: Deed[T]) -> T:
        """Let the process whose work it is do it. Raises Died."""
        place = deed.role == "job"
        hand = self._hands.get(place) or self._hands.setdefault(place, Mortal(self._post))
        point = None if self.cut.is_done else self.cut.point
        try:
            done: T = await hand.do(Order(deed, self._clock.by, point), self.cut, self.on_answer)
            return done
        finally:
            if hand.is_over:
                del self._hands[place]

    def successor(self) -> "Crew":
        """Return who takes over after a death: the same, less one process."""
        return self

    async def close(self) -> None:
        """Let all end in order."""
        while self._hands:
            _, hand = self._hands.popitem()
            await hand.close()


def hire_processes(shop: Shop, company: Company, defect: str | None = None) -> Crew:
    """Return the processes of a shop's counter, with a planted defect where one is named."""
    post = Post(shop.house.url, type(company), shop.payments.url, defect)
    return Crew(post, shop.clock)
