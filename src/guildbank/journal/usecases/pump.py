"""Feed subscribers from the journal: one reader a tenant, each entry once to each subscriber."""

from collections.abc import Sequence

import msgspec
import structlog

from guildbank.infra.database import Database
from guildbank.journal import cursors, reading
from guildbank.journal.contracts import Cursor, Entry, Subscriber

log = structlog.get_logger(__name__)

READ_LIMIT = 500


class Pumped(msgspec.Struct, frozen=True):
    """What a round did: entries handed out over all subscribers, and whether more are waiting.

    `problems` are those of subscribers that stopped or failed, by name.
    """

    handled: int
    more: bool
    problems: dict[str, str]


async def pump(
    db: Database, schema: str, subscribers: Sequence[Subscriber], limit: int = READ_LIMIT
) -> Pumped:
    """Hand the next entries to every subscriber of a tenant.

    Entries are read once for all. A subscriber that fails is left where it is and the others go
    on; one whose cursor does not fit the journal stops with a named problem.
    """
    places = await _places(db, schema, subscribers)
    problems = {name: str(place.problem) for name, place in places.items() if place.problem}
    running = [one for one in subscribers if one.name not in problems]
    handled, more = 0, False
    window = _Window(db, schema, limit)
    for subscriber in sorted(running, key=lambda one: places[one.name].seq):
        due = await window.after(places[subscriber.name].seq)
        try:
            problem = await _hand(db, schema, subscriber, due)
        except Exception as error:  # it is the subscriber's own; the others must go on
            problem = f"failed: {error!r}"
            log.exception("subscriber_failed", schema=schema, subscriber=subscriber.name)
        if problem:
            problems[subscriber.name] = problem
        else:
            handled += len(due)
            more = more or (bool(due) and window.full)
    return Pumped(handled, more, problems)


class _Window:
    """A stretch of entries, read once for all subscribers that stand in it."""

    def __init__(self, db: Database, schema: str, limit: int) -> None:
        self._db = db
        self._schema = schema
        self._limit = limit
        self._entries: Sequence[Entry] | None = None

    @property
    def full(self) -> bool:
        """Say whether there may be more entries behind."""
        return self._entries is not None and len(self._entries) == self._limit

    async def after(self, seq: int) -> list[Entry]:
        """Return entries after `seq`, reading on when those at hand end before."""
        held = self._entries
        if held is None or (self.full and seq >= held[-1].seq):
            async with self._db.begin(self._schema, read_only=True) as tx:
                held = self._entries = await reading.read_entries(tx.driver, seq, self._limit)
        return [entry for entry in held if entry.seq > seq]


async def _places(
    db: Database, schema: str, subscribers: Sequence[Subscriber]
) -> dict[str, Cursor]:
    names = [subscriber.name for subscriber in subscribers]
    async with db.begin(schema, read_only=True) as tx:
        places = await cursors.read_cursors(tx.driver, names)
    new = [subscriber for subscriber in subscribers if subscriber.name not in places]
    if not new:
        return places
    async with db.begin(schema) as tx:
        for subscriber in new:
            await cursors.open_cursor(tx.driver, subscriber.name, from_start=subscriber.from_start)
        return await cursors.read_cursors(tx.driver, names)


async def _hand(
    db: Database, schema: str, subscriber: Subscriber, entries: Sequence[Entry]
) -> str | None:
    """Let a subscriber take entries and advance its cursor, both or neither."""
    async with db.begin(schema) as tx:
        place = await cursors.lock_cursor(tx.driver, subscriber.name)
        if place is None or place.problem is not None:
            return None if place is None else place.problem
        # Asked even when nothing is due: a journal that was cut has nothing more to hand out.
        problem = await cursors.mismatch(tx.driver, place)
        if problem is not None:
            log.error("cursor_stopped", schema=schema, subscriber=subscriber.name, why=problem)
            await cursors.stop(tx.driver, subscriber.name, problem)
            return problem
        due = [entry for entry in entries if entry.seq > place.seq]
        if due and due[0].seq == place.seq + 1:
            await subscriber.handle(tx, schema, due)
            await cursors.advance(tx.driver, subscriber.name, due[-1].seq)
    return None
