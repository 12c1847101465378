"""Rows that a command goes by before its act: remembered ones, if the act finds them unchanged.

What most commands go by changes rarely. So it is remembered, a transaction of reading is saved, and
the act asks for the same rows among those that it needs anyway: where one is another by then, what
was decided by it is void, and the command reads. What was read for the command itself is as good as
it was when it came; it need not stand still until the commit.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.contracts import Driver, Need, Shelf
from guildbank.journal.stage import Stage

K = TypeVar("K")
V = TypeVar("V")
MAX_REMEMBERED = 10_000
"""Rows of all tenants; beyond them it begins anew."""


class Look:
    """What one command looks at, while it is entered: a transaction opens for the first row that
    must be read. `is_fresh` says that no row was remembered.
    """

    __slots__ = ("_db", "_driver", "_known", "_reading", "is_fresh", "schema", "seen")

    def __init__(self, db: Database, schema: str, known: Mapping[Any, Any]) -> None:
        self.schema = schema
        self.is_fresh = True
        self.seen: dict[tuple[Any, Any], Any] = {}
        """Rows by shelf and key, None for what is not there."""
        self._db = db
        self._known = known
        self._reading = AsyncExitStack()
        self._driver: Driver | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver = None
        await self._reading.__aexit__(kind, error, trace)

    async def driver(self) -> Driver:
        """Return the connection of a transaction that sees one moment and writes nothing."""
        if self._driver is None:
            reading = self._db.begin(self.schema, read_only=True)
            self._driver = (await self._reading.enter_async_context(reading)).driver
        return self._driver

    async def get(self, shelf: Shelf[K, V], key: K) -> V | None:
        """Return a row, None where there is none."""
        place = (shelf, key)
        if place in self._known:
            self.is_fresh = False
            self.seen[place] = self._known[place]
        elif place not in self.seen:
            self.seen[place] = (await store.fetch_rows(await self.driver(), shelf, [key])).get(key)
        row: V | None = self.seen[place]
        return row

    def needs(self) -> list[Need]:
        """Return what an act asks for that is to find out whether all this `stands`."""
        return [] if self.is_fresh else list(self.seen)

    def stands(self, stage: Stage) -> bool:
        """Say, under the lock, whether every row is as it is remembered."""
        return self.is_fresh or all(stage.get(*place) == row for place, row in self.seen.items())


class Looks:
    """The rows that one process remembers, by tenant."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rows: dict[str, dict[Any, Any]] = {}
        self._count = 0

    def look(self, schema: str, *, fresh: bool = False) -> Look:
        """Return a look at a tenant's rows; a `fresh` one reads them all."""
        return Look(self._db, schema, {} if fresh else self._rows.get(schema, {}))

    async def stands(self, look: Look) -> bool:
        """Say whether all rows are as they are remembered, for a command that comes to no act."""
        if look.is_fresh:
            return True
        asked = [shelf.reading([key]) for shelf, key in look.seen]
        async with self._db.begin(look.schema, read_only=True) as tx:
            found = await store.read_each(tx.driver, asked)
        return all(
            shelf.read([key], rows).get(key) == row
            for ((shelf, key), row), rows in zip(look.seen.items(), found, strict=True)
        )

    def remember(self, look: Look) -> None:
        """Remember what an act was accepted by."""
        if self._count + len(look.seen) > MAX_REMEMBERED:
            self._rows.clear()
            self._count = 0
        rows = self._rows.setdefault(look.schema, {})
        self._count += len(look.seen.keys() - rows.keys())
        rows.update(look.seen)

    def forget(self, look: Look) -> None:
        """Forget what was not as it was seen."""
        rows = self._rows.get(look.schema, {})
        for place in look.seen.keys() & rows.keys():
            del rows[place]
            self._count -= 1
