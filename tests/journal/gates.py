"""A journal whose batches wait at a gate, and acts that fail, for tests of those who wait."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from tests.economy import Economy

from guildbank.infra.database import Database, begin_statement
from guildbank.journal import COUNTERS, Act, Counter, Draft, Need, Stage, facts, store
from guildbank.kernel import Refusal
from guildbank.ledger import TRANSFERS, Transfer

BIGGEST = 2**63


class Gate:
    """A probe: batches wait at `point` until the gate is open."""

    def __init__(self, point: str = "journal_locked") -> None:
        self.point = point
        self.open = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self, point: str) -> None:
        if point == self.point:
            self.reached.set()
            await self.open.wait()


class Note(Act):
    """Changes nothing but the journal itself."""

    verb = "test.note"
    __slots__ = ()

    def needs(self, stage: Stage) -> Iterable[Need]:
        return ()

    def decide(self, stage: Stage) -> Draft | Refusal:
        return Draft("test.noted", facts({}))


class Refused(Note):
    """Is refused, always."""

    def decide(self, stage: Stage) -> Draft | Refusal:
        return Refusal(code="no", detail="No.")


class Defect(Note):
    """Fails while it decides."""

    def decide(self, stage: Stage) -> Draft | Refusal:
        raise ZeroDivisionError


class Unsaveable(Note):
    """Is accepted, and PostgreSQL refuses its row: the offset is taken."""

    def decide(self, stage: Stage) -> Draft | Refusal:
        for leg in (0, 1):
            stage.log(TRANSFERS, Transfer(stage.seq, leg, 1, 2, 1, 7, None, 7, 0, 0))
        return super().decide(stage)


class Unencodable(Note):
    """Is accepted, and the driver cannot even send its row."""

    def decide(self, stage: Stage) -> Draft | Refusal:
        stage.put(COUNTERS, "test", Counter(BIGGEST))
        return super().decide(stage)


@asynccontextmanager
async def holding_the_lock(db: Database, schema: str) -> AsyncIterator[None]:
    """Hold the tenant's journal as another worker would, for longer than a worker may."""
    async with db.connect() as tx:
        await tx.driver.execute(begin_statement(schema))
        await tx.driver.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await store.lock_journal(tx.driver)
        try:
            yield
        finally:
            await tx.driver.execute("ROLLBACK")


async def noted(economy: Economy) -> int:
    """Return how many entries there are."""
    ((count,),) = await economy.sql("SELECT count(*) FROM journal_entry")
    return int(count)
