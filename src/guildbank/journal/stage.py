"""The working memory of one batch: rows as loaded, changed by each accepted act in turn."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from guildbank.journal.contracts import Draft, Log, Need, Shelf

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R")


class Mark(NamedTuple):
    """A state of the stage to rewind to, for acts that stand or fall together."""

    seq: int
    rows: dict[Any, dict[Any, Any]]
    changed: dict[Any, dict[Any, Any]]
    logged: dict[Any, list[Any]]


class Stage:
    """What acts read and write. An act's changes are kept when it is accepted, else dropped.

    `now` is the batch's time from the database; `seq` is the entry that the act at hand will be.
    """

    __slots__ = (
        "_act_rows",
        "_act_staged",
        "_changed",
        "_logged",
        "_rows",
        "now",
        "seq",
    )

    def __init__(self, now: datetime, seq: int) -> None:
        self.now = now
        self.seq = seq
        self._rows: dict[Any, dict[Any, Any]] = {}
        self._changed: dict[Any, dict[Any, Any]] = {}
        self._logged: dict[Any, list[Any]] = {}
        self._act_staged: dict[Any, dict[Any, Any]] = {}
        self._act_rows: list[tuple[Any, Any]] = []

    def reads(self, shelf: Shelf[K, V]) -> bool:
        """Say whether any act of the batch asked for a key of the shelf."""
        return shelf in self._rows

    def loaded(self, shelf: Shelf[K, V], key: K) -> bool:
        """Say whether the key was asked of the database, found or not."""
        rows = self._rows.get(shelf)
        return rows is not None and key in rows

    def get(self, shelf: Shelf[K, V], key: K) -> V | None:
        """Return the row as this act sees it, None if it does not exist.

        Raises KeyError for a key that no `needs` named: an act may not guess.
        """
        staged = self._act_staged.get(shelf)
        if staged is not None and key in staged:
            return staged[key]  # type: ignore[no-any-return]
        return self._rows[shelf][key]  # type: ignore[no-any-return]

    def put(self, shelf: Shelf[K, V], key: K, value: V) -> None:
        """Stage a new or changed row."""
        staged = self._act_staged.get(shelf)
        if staged is None:
            staged = self._act_staged[shelf] = {}
        staged[key] = value

    def log(self, log: Log[R], row: R) -> None:
        """Stage a row of the chain."""
        self._act_rows.append((log, row))

    def accept(self, draft: Draft) -> None:
        """Keep what the act staged."""
        for shelf, staged in self._act_staged.items():
            self._rows.setdefault(shelf, {}).update(staged)
            changed = self._changed.get(shelf)
            if changed is None:
                self._changed[shelf] = staged
            else:
                changed.update(staged)
        for log, row in self._act_rows:
            self._logged.setdefault(log, []).append(row)
        self._act_staged = {}
        self._act_rows = []
        self.seq += 1

    def drop(self) -> None:
        """Forget what the act staged."""
        self._act_staged = {}
        self._act_rows = []

    def mark(self) -> "Mark":
        """Return a copy of what is accepted so far, to rewind to."""
        return Mark(
            self.seq,
            {shelf: dict(rows) for shelf, rows in self._rows.items()},
            {shelf: dict(rows) for shelf, rows in self._changed.items()},
            {log: list(rows) for log, rows in self._logged.items()},
        )

    def rewind(self, mark: "Mark") -> None:
        """Forget everything accepted since the mark."""
        self.drop()
        self.seq, self._rows, self._changed, self._logged = mark

    def missing(self, needs: Sequence[Need]) -> dict[Any, list[Any]]:
        """Return the keys per shelf that are not loaded yet, each once."""
        missing: dict[Any, dict[Any, None]] = {}
        for shelf, key in needs:
            rows = self._rows.get(shelf)
            if rows is None:
                rows = self._rows[shelf] = {}
            if key not in rows:
                missing.setdefault(shelf, {})[key] = None
        return {shelf: list(keys) for shelf, keys in missing.items()}

    def fill(self, shelf: Any, keys: Sequence[Any], found: Mapping[Any, Any]) -> None:
        """Place loaded rows; keys that were not found are known to be absent."""
        rows = self._rows.setdefault(shelf, {})
        for key in keys:
            rows[key] = found.get(key)

    def changed(self) -> list[tuple[Shelf[Any, Any], dict[Any, Any]]]:
        """Return the accepted changes, lower rooms first."""
        return sorted(self._changed.items(), key=lambda item: item[0].order)

    def take_logged(self) -> list[tuple[Log[Any], list[Any]]]:
        """Return the rows of the chain accepted since the last call, in the order of their logs."""
        logged, self._logged = self._logged, {}
        return sorted(logged.items(), key=lambda item: item[0].order)
