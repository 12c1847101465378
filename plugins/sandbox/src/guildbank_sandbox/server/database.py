"""The provider's own SQLite file: durable on every commit, used from one thread only.

Handlers run on the event loop and their statements are short, so transactions never interleave:
that alone makes double clicks and racing requests harmless.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from guildbank_sandbox.server.config import Config

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS account (
    id TEXT PRIMARY KEY,
    key_hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    webhook_secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until_ms INTEGER NOT NULL,
    refund_switch TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS payment (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account,
    reference TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    customer TEXT NOT NULL,
    method TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT,
    captured_minor INTEGER NOT NULL,
    captured_currency TEXT NOT NULL,
    refunded_minor INTEGER NOT NULL,
    refund_pending_minor INTEGER NOT NULL,
    disputed_minor INTEGER NOT NULL,
    return_url TEXT,
    webhook_url TEXT,
    webhook_mode TEXT NOT NULL,
    due_ms INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (account_id, reference),
    CHECK (refunded_minor + refund_pending_minor + disputed_minor <= captured_minor)
) STRICT;
CREATE INDEX IF NOT EXISTS payment_due ON payment (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account,
    payment_id TEXT NOT NULL REFERENCES payment,
    reference TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    reason TEXT,
    state TEXT NOT NULL,
    code TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (account_id, reference)
) STRICT;
CREATE INDEX IF NOT EXISTS refund_payment ON refund (payment_id);

CREATE TABLE IF NOT EXISTS dispute (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account,
    payment_id TEXT NOT NULL REFERENCES payment,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    withdrawn INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS dispute_payment ON dispute (payment_id);

CREATE TABLE IF NOT EXISTS payout (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account,
    reference TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    to_account TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT,
    created_ms INTEGER NOT NULL,
    webhook_url TEXT,
    due_ms INTEGER,
    paid_ms INTEGER,
    returned_ms INTEGER,
    UNIQUE (account_id, reference)
) STRICT;

CREATE TABLE IF NOT EXISTS answer (
    account_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT;

CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY,
    payment_id TEXT REFERENCES payment,
    payout_id TEXT REFERENCES payout,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    CHECK ((payment_id IS NULL) <> (payout_id IS NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS event_payment ON event (payment_id);

CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES event,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    last_result TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_ms) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id);
"""


# Files of before have payouts that told nobody, and events of payments alone.
_UPGRADE = """
BEGIN;
ALTER TABLE payout ADD COLUMN webhook_url TEXT;
ALTER TABLE payout ADD COLUMN due_ms INTEGER;
ALTER TABLE payout ADD COLUMN paid_ms INTEGER;
ALTER TABLE payout ADD COLUMN returned_ms INTEGER;
UPDATE payout SET paid_ms = created_ms WHERE state IN ('paid', 'returned');
UPDATE payout SET returned_ms = created_ms WHERE state = 'returned';
CREATE TABLE event_new (
    id TEXT PRIMARY KEY,
    payment_id TEXT REFERENCES payment,
    payout_id TEXT REFERENCES payout,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    CHECK ((payment_id IS NULL) <> (payout_id IS NULL))
) STRICT;
INSERT INTO event_new
SELECT id, payment_id, NULL, kind, body, created_ms
FROM event;
DROP TABLE event;
ALTER TABLE event_new RENAME TO event;
COMMIT;
"""


class Session(NamedTuple):
    """One transaction, with the time and the settings that decisions in it use."""

    tx: sqlite3.Connection
    config: Config
    now_ms: int


class Database:
    """The open file. `after_commit` is called when a transaction may have left work to do."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connection = _connect(config.data)
        self.after_commit: Callable[[], None] = lambda: None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a transaction: committed to disk on exit, undone on any exception."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield Session(connection, self._config, time.time_ns() // 1_000_000)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        self.after_commit()

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that were drawn when `name` was first asked for."""
        with self.session() as s:
            s.tx.execute(
                "INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (name, os.urandom(32)),
            )
            row = s.tx.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
        value: bytes = row["value"]
        return value

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def fetch_one(
    tx: sqlite3.Connection, record: type[RecordT], sql: str, values: tuple[object, ...]
) -> RecordT | None:
    """Return the first row of `sql` as a record, or None."""
    row = tx.execute(sql, values).fetchone()
    return None if row is None else msgspec.convert(dict(row), record, strict=False)


def fetch_all(
    tx: sqlite3.Connection,
    record: type[RecordT],
    sql: str,
    values: tuple[object, ...] | Mapping[str, object],
) -> list[RecordT]:
    """Return all rows of `sql` as records."""
    rows = tx.execute(sql, values).fetchall()
    return [msgspec.convert(dict(row), record, strict=False) for row in rows]


def insert(tx: sqlite3.Connection, table: str, record: msgspec.Struct) -> None:
    """Write a record whose fields are the table's columns."""
    values = msgspec.to_builtins(record)
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    # Table and columns are names from this package's own code.
    tx.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def _connect(path: Path) -> sqlite3.Connection:
    # SQLite gives its -wal and -shm files the mode of the main file, which holds secrets.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(payout)")}
    if columns and "webhook_url" not in columns:
        connection.executescript(_UPGRADE)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(_SCHEMA)
    return connection
