"""The door of the journal: one serial, hash-chained record of every change of a tenant.

`Journal.submit` returns a Receipt or one of the refusals `tenant_suspended`, `key_reused`, or
what the act itself refuses; it raises Unavailable when the database cannot answer.
"""

from guildbank.journal.act import Act, facts
from guildbank.journal.audit import AuditSealer, Details, open_details
from guildbank.journal.contracts import (
    DEPLOYMENT,
    ChainedRow,
    ChainedRows,
    Checkpoint,
    Damage,
    Draft,
    Driver,
    Entry,
    Log,
    Need,
    Outcome,
    PutOnly,
    Receipt,
    RowLock,
    Rows,
    Sealed,
    Shelf,
    Statement,
    Subscriber,
    Unavailable,
    Verified,
)
from guildbank.journal.counters import COUNTERS, Counter, forget_counters
from guildbank.journal.look import Look, Looks
from guildbank.journal.meter import Meter
from guildbank.journal.reading import (
    NEWEST_OF,
    WithPayload,
    entries_at,
    newest_entries,
    read_blocks,
    read_entries,
    seq_at,
    seq_before,
)
from guildbank.journal.stage import Stage
from guildbank.journal.statements import words
from guildbank.journal.store import fetch_rows, read_each
from guildbank.journal.subscribers import Listener, Pinger
from guildbank.journal.tables import PARTITION_ROWS
from guildbank.journal.usecases.checkpoint import (
    CheckedFile,
    check_checkpoints,
    checkpoint_key,
    export_checkpoints,
    sign_checkpoint,
)
from guildbank.journal.usecases.partition import Partitioned, make_partitions
from guildbank.journal.usecases.pump import Pumped, pump
from guildbank.journal.usecases.recall import known_keys, recall
from guildbank.journal.usecases.record import Recorder, run_within
from guildbank.journal.usecases.search_audit import (
    Found,
    Sought,
    forget_details,
    search_audit,
)
from guildbank.journal.usecases.verify import verify_journal
from guildbank.journal.writer import MAX_ALL, MAX_EACH, Journal

__all__ = [
    "COUNTERS",
    "DEPLOYMENT",
    "MAX_ALL",
    "MAX_EACH",
    "NEWEST_OF",
    "PARTITION_ROWS",
    "Act",
    "AuditSealer",
    "ChainedRow",
    "ChainedRows",
    "CheckedFile",
    "Checkpoint",
    "Counter",
    "Damage",
    "Details",
    "Draft",
    "Driver",
    "Entry",
    "Found",
    "Journal",
    "Listener",
    "Log",
    "Look",
    "Looks",
    "Meter",
    "Need",
    "Outcome",
    "Partitioned",
    "Pinger",
    "Pumped",
    "PutOnly",
    "Receipt",
    "Recorder",
    "RowLock",
    "Rows",
    "Sealed",
    "Shelf",
    "Sought",
    "Stage",
    "Statement",
    "Subscriber",
    "Unavailable",
    "Verified",
    "WithPayload",
    "check_checkpoints",
    "checkpoint_key",
    "entries_at",
    "export_checkpoints",
    "facts",
    "fetch_rows",
    "forget_counters",
    "forget_details",
    "known_keys",
    "make_partitions",
    "newest_entries",
    "open_details",
    "pump",
    "read_blocks",
    "read_each",
    "read_entries",
    "recall",
    "run_within",
    "search_audit",
    "seq_at",
    "seq_before",
    "sign_checkpoint",
    "verify_journal",
    "words",
]
