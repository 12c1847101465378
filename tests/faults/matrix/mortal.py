"""A worker process that kills itself by SIGKILL at a named point: nothing of it is left to run.

It is forked from a process that has imported this module and has neither a loop nor a connection,
so that all it has is its own.
"""

import asyncio
import os
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

import pytest
import uvloop
from tests.faults.matrix.company import Company
from tests.faults.matrix.counter import plugins_of
from tests.faults.matrix.deeds import Deed
from tests.faults.matrix.hall import Hall
from tests.faults.matrix.line import Line
from tests.faults.matrix.planted import DEFECTS
from tests.faults.matrix.worker import Cut, Premises, Worker
from tests.house import open_four_eyes
from tests.payments.shop import Ahead

from guildbank.infra.crypto import MasterKey, Vault
from guildbank.infra.database import Database
from guildbank.journal import Journal
from guildbank.payments import archive
from guildbank.tenancy import Tenants


class Post(NamedTuple):
    """Where a process works: over which database, at which company's counter, under which address.

    A planted defect is named.
    """

    database: str
    company: type[Company]
    url: str
    defect: str | None


class Order(NamedTuple):
    """What to do, by a clock that is so far ahead, and where to die of it."""

    deed: Deed[Any]
    ahead: timedelta
    point: str | None


class Passed(NamedTuple):
    """A point is met."""

    point: str


class Answered(NamedTuple):
    """The answer of a call at this place has come; it is read when somebody says so."""

    place: str


class Done(NamedTuple):
    """It is done, with all that it began; or it failed, and this is the traceback."""

    result: Any
    failure: str | None = None


class Fatal(Cut):
    """A cut that ends its whole process."""

    def __init__(self, point: str | None, note: Callable[[Passed], None]) -> None:
        super().__init__(point)
        self._note = note

    def strikes(self, point: str) -> bool:
        """Note a point, and never return from the one to die at."""
        self._note(Passed(point))
        if super().strikes(point):
            os.kill(os.getpid(), signal.SIGKILL)
        return False


def work(end: "Connection[Any, Any]", post: Post) -> None:
    """Do as the line says, until it says nothing more or this process dies: all of its life."""
    with pytest.MonkeyPatch.context() as patch:
        # As in the process of the tests: nobody waits for it but these lives.
        patch.setattr(archive, "GATHER_SECONDS", 0)
        if post.defect is not None:
            plant, _ = DEFECTS[post.defect]
            plant(patch)
        uvloop.run(_work(Line(end), post))


async def _work(line: Line, post: Post) -> None:
    db, clock, elsewhere = Database(post.database, pool_size=4), Ahead(), cast("Hall", None)
    tenants = Tenants(db, Vault(MasterKey(bytes(32))))
    journal = Journal(db, sealers=tenants.sealer)
    four_eyes = open_four_eyes(db, journal, tenants, clock)
    company = post.company(elsewhere)
    premises = Premises(db, tenants, four_eyes, clock, post.url)
    worker = Worker(premises, plugins_of(company), company.places)
    one_by_one = asyncio.Lock()

    async def answered(place: str) -> None:
        async with one_by_one:
            line.say(Answered(place))
            await line.hear()

    worker.on_answer = answered
    while (order := await line.hear()) is not None:
        clock.by, worker.cut = order.ahead, Fatal(order.point, line.say)
        line.say(await _done(worker, order))
    await worker.close()
    await journal.close()
    await db.close()


async def _done(worker: Worker, order: Order) -> Done:
    try:
        return Done(await worker.do(order.deed))
    except Exception:
        return Done(None, traceback.format_exc())
