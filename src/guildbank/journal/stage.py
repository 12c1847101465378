"""The working memory of one batch: rows as loaded, changed by each accepted act in turn."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from guildbank.journal.contracts import Log, Need, Shelf

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R")

_ABSENT: Any = object()


class NotLoaded(KeyError):
    """An act wants a row that it did not ask for; asked again, now it may."""


class _Rows(dict[Any, Any]):
    """The loaded rows of a shelf by key."""

    def __missing__(self, key: Any) -> Any:
        raise NotLoaded(key)


_NOTHING: Mapping[Any, Any] = _Rows()


class Mark(NamedTuple):
    """A state of the stage to rewind to, for acts that stand or fall together."""

    seq: int
    changes: int
    logged: int


class Stage:
    """What acts read and write. An act's changes are kept when it is accepted, else undone.

    `now` is the batch's time from the database and `seq` the entry that the act at hand will be;
    both are known once the batch has `begun`, after the first round of `needs`. `left` is what was
    changed and taken away to be written.
    """

    __slots__ = (
        "_accepted",
        "_changed",
        "_logged",
        "_rows",
        "_undo",
        "left",
        "now",
        "seq",
    )

    now: datetime
    seq: int

    def __init__(self) -> None:
        self._rows: dict[Any, _Rows] = {}
        self._changed: dict[Any, dict[Any, Any]] = {}
        self._logged: list[tuple[Any, Any]] = []
        # What was there before: rows are values that no act changes in place.
        self._undo: list[tuple[dict[Any, Any], dict[Any, Any], Any, Any, Any]] = []
        self._accepted = (0, 0)
        self.left: dict[Any, dict[Any, Any]] = {}

    def begin(self, now: datetime, seq: int) -> None:
        """Set the time of the batch and the position of its first entry."""
        self.now = now
        self.seq = seq

    def reads(self, shelf: Shelf[K, V]) -> bool:
        """Say whether any act of the batch asked for a key of the shelf."""
        return shelf in self._rows

    def loaded(self, shelf: Shelf[K, V], key: K) -> bool:
        """Say whether the key was asked of the database, found or not."""
        rows = self._rows.get(shelf)
        return rows is not None and key in rows

    def get(self, shelf: Shelf[K, V], key: K) -> V | None:
        """Return the row as this act sees it, None if it does not exist.

        Raises NotLoaded for a key that no `needs` named: an act may not guess.
        """
        row: V | None = self._rows.get(shelf, _NOTHING)[key]
        return row

    def rows(self, shelf: Shelf[K, V]) -> Mapping[K, Any]:
        """Return all that is loaded of a shelf, as this act sees it; None marks what is absent."""
        return self._rows.get(shelf, _NOTHING)

    def put(self, shelf: Shelf[K, V], key: K, value: V) -> None:
        """Change a row or make a new one."""
        rows = self._rows.get(shelf)
        if rows is None:
            rows = self._rows[shelf] = _Rows()
        changed = self._changed.get(shelf)
        if changed is None:
            changed = self._changed[shelf] = {}
        before = (rows, changed, key, rows.get(key, _ABSENT), changed.get(key, _ABSENT))
        self._undo.append(before)
        rows[key] = changed[key] = value

    def log(self, log: Log[R], row: R) -> None:
        """Add a row of the chain."""
        self._logged.append((log, row))

    def accept(self) -> None:
        """Keep what the act at hand did; the next act is another entry."""
        self.seq += 1
        self._accepted = (len(self._undo), len(self._logged))

    def drop(self) -> None:
        """Undo what the act at hand did."""
        self.rewind(Mark(self.seq, *self._accepted))

    def mark(self) -> Mark:
        """Return where the stage stands, to rewind to; good until the next `take_logged`."""
        return Mark(self.seq, *self._accepted)

    def rewind(self, mark: Mark) -> None:
        """Undo everything since the mark."""
        while len(self._undo) > mark.changes:
            rows, changed, key, *before = self._undo.pop()
            for mapping, value in zip((rows, changed), before, strict=True):
                if value is _ABSENT:
                    del mapping[key]
                else:
                    mapping[key] = value
        del self._logged[mark.logged :]
        self.seq = mark.seq
        self._accepted = (mark.changes, mark.logged)

    def missing(self, needs: Sequence[Need]) -> dict[Any, list[Any]]:
        """Return the keys per shelf that must be read, each once, lower rooms first."""
        missing: dict[Any, dict[Any, None]] = {}
        for shelf, key in needs:
            rows = self._rows.get(shelf)
            if rows is None:
                rows = self._rows[shelf] = _Rows()
            if rows and key in rows:
                continue
            keys = missing.get(shelf)
            if keys is None:
                keys = missing[shelf] = {}
            keys[key] = None
        by_order = sorted(missing.items(), key=lambda item: item[0].order)
        return {shelf: list(keys) for shelf, keys in by_order}

    def fill(self, shelf: Any, keys: Sequence[Any], found: Mapping[Any, Any]) -> None:
        """Place loaded rows; keys that were not found are known to be absent.

        What acts put there since the rows were asked for is newer and stays.
        """
        rows = self._rows.setdefault(shelf, _Rows())
        if not rows and len(found) == len(keys):
            rows.update(found)
            return
        for key in keys:
            rows.setdefault(key, found.get(key))

    def take_over(self, before: "Stage") -> None:
        """Put what an earlier batch has changed in place of rows that may be older."""
        for shelf, left in before.left.items():
            rows = self._rows.get(shelf)
            if rows:
                rows.update((key, left[key]) for key in left.keys() & rows.keys())

    def take_changed(self) -> list[tuple[Shelf[Any, Any], dict[Any, Any]]]:
        """Return the accepted changes since the last call, lower rooms first."""
        changed, self._changed = self._changed, {}
        self._forget()
        for shelf, rows in changed.items():
            if not shelf.derived:
                self.left.setdefault(shelf, {}).update(rows)
        return sorted(
            ((shelf, rows) for shelf, rows in changed.items() if rows),
            key=lambda item: item[0].order,
        )

    def take_logged(self) -> list[tuple[Log[Any], Any]]:
        """Return the rows of the chain accepted since the last call, and let go of the past."""
        logged, self._logged = self._logged, []
        self._forget()
        return logged

    def _forget(self) -> None:
        """Let go of the past: what is taken away to be written is not undone any more."""
        self._undo.clear()
        self._accepted = (0, 0)
