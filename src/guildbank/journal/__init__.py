"""The door of the journal: one serial, hash-chained record of every change of a tenant.

`Journal.submit` returns a Receipt or one of the refusals `tenant_suspended`, `key_reused`, or
what the act itself refuses; it raises Unavailable when the database cannot answer.
"""

from guildbank.journal.contracts import (
    Act,
    Draft,
    Driver,
    Log,
    Need,
    Outcome,
    Receipt,
    RowLock,
    Sealed,
    Shelf,
    Unavailable,
    facts,
)
from guildbank.journal.counters import COUNTERS, Counter, forget_counters
from guildbank.journal.stage import Stage
from guildbank.journal.tables import PARTITION_ROWS
from guildbank.journal.writer import MAX_ALL, MAX_EACH, Journal

__all__ = [
    "COUNTERS",
    "MAX_ALL",
    "MAX_EACH",
    "PARTITION_ROWS",
    "Act",
    "Counter",
    "Draft",
    "Driver",
    "Journal",
    "Log",
    "Need",
    "Outcome",
    "Receipt",
    "RowLock",
    "Sealed",
    "Shelf",
    "Stage",
    "Unavailable",
    "facts",
    "forget_counters",
]
