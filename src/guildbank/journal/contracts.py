"""What crosses the journal's door: drafts, receipts, and the shelves that rooms keep."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from guildbank.infra.batching import Unserved
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

if TYPE_CHECKING:
    import asyncpg

    from guildbank.infra.database import Tx

    Driver: TypeAlias = asyncpg.Connection[Any]
else:
    Driver = object

DEPLOYMENT = TenantRef(
    id="deployment", slug="deployment", schema=CONTROL_SCHEMA, mode="live", state="active"
)
"""Where the deployment's own journal is: what its operators and keys change, and no money."""

K = TypeVar("K")
V = TypeVar("V")
R_contra = TypeVar("R_contra", contravariant=True)


class RowLock(NamedTuple):
    """A domain row that a batch locks before the journal; sorted, so batches cannot deadlock.

    `rank` is the room's place in the layers, `table` and `id` name the row.
    """

    rank: int
    table: str
    id: str


class Statement(NamedTuple):
    """A statement of a room with its arguments `$1`, `$2`, ...: the journal runs it.

    Several are sent as one, so a statement has no `WITH` of its own that writes. `dense` says of
    one that reads that most keys have rows, which come cheaper in an answer of their own.
    """

    text: str
    arguments: tuple[object, ...]
    dense: bool = False


Rows: TypeAlias = Sequence[Sequence[Any]]
"""What a statement returned: columns by position, for a row may lose their names on the way."""


class Shelf(Protocol[K, V]):
    """Rows of one room that acts read and write under the journal lock.

    `order` says when a batch saves it (lower rooms first). `derived` rows follow from other
    tables or other keys than their own, as sums and indexes do: they are read only after all
    that was decided is written. A shelf does no input or output: it says what to ask and
    understands the answer.
    """

    order: ClassVar[int]
    derived: ClassVar[bool]

    def reading(self, keys: Sequence[K]) -> Statement:
        """Return the statement that reads what exists of the keys."""
        ...

    def read(self, keys: Sequence[K], rows: Rows) -> Mapping[K, V]:
        """Return the rows that the statement found, by key."""
        ...

    def saving(self, changed: Mapping[K, V]) -> Sequence[Statement]:
        """Return the statements that insert or update the rows, none depending on another.

        They will run: a row may take note that it is saved.
        """
        ...


class PutOnly:
    """What a shelf is whose rows are only ever new: acts put them, and nobody asks for one."""

    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[Any]) -> Statement:
        """Refuse: an act that names such a row among its needs is a defect."""
        raise TypeError(f"rows of {type(self).__name__} are only ever new")

    def read(self, keys: Sequence[Any], rows: Rows) -> Mapping[Any, Any]:
        """Refuse, as `reading` does."""
        raise TypeError(f"rows of {type(self).__name__} are only ever new")


class Log(Protocol[R_contra]):
    """Append-only rows that belong to entries and are in the hash chain (the transfers).

    Each row is a tuple of the columns of `table`, in their order.
    """

    order: ClassVar[int]
    table: ClassVar[str]

    def canonical(self, row: R_contra) -> bytes:
        """Return the row's bytes for the chain, the same for ever."""
        ...

    def inserting(self, rows: Sequence[R_contra]) -> Statement:
        """Return the statement that inserts a few rows."""
        ...

    def copied(self, row: R_contra) -> bytes:
        """Return the row as COPY takes it in binary form; so are many rows written.

        It begins with the number of columns; each value has its length before it, -1 for NULL.
        """
        ...


Need: TypeAlias = tuple[Shelf[Any, Any], Any]
"""A shelf and a key on it that an act wants to read."""


class Sealed(msgspec.Struct, frozen=True):
    """A free-form payload under a person's key; only its salted hash enters the chain."""

    person: str
    hash: str
    ciphertext: bytes


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An accepted act: the entry's kind and its facts as canonical JSON.

    `before` and `after` are told beside the chain of a change by an operator or a machine, the
    latter where the facts do not say it.
    """

    kind: str
    data: bytes
    payload: Sealed | None = None
    before: object = None
    after: object = None


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """An entry as it stands in the journal: what an answer is rendered from, now or on replay."""

    seq: int
    at: datetime
    kind: str
    principal: str
    data: bytes
    replayed: bool = False


Outcome: TypeAlias = Receipt | Refusal


class Head(msgspec.Struct, frozen=True):
    """The newest batch: where the journal stands."""

    seq: int
    hash: bytes
    at: datetime
    writable: bool
    epoch: int


Probe: TypeAlias = Callable[[str], Awaitable[None]]
"""Is awaited at named points of a batch; tests cut there."""


class Unavailable(Unserved):
    """The journal cannot answer now: queue full, deadline passed, or database away.

    Nothing is known to have happened; the same request with the same key is safe to repeat.
    """


class Entry(msgspec.Struct, frozen=True):
    """An entry as a subscriber or auditor reads it: `at` is its batch's time."""

    seq: int
    at: datetime
    kind: str
    principal: str
    data: bytes


class ChainedRow(NamedTuple):
    """A row of the chain as `verify` meets it: where it stands and its canonical bytes."""

    seq: int
    leg: int | None
    canonical: bytes


class ChainedRows(Protocol):
    """How `verify` reads a room's log back. `order` is that of the room's `Log`.

    `read` yields blocks of rows with `after < seq <= upto` in the order in which they were
    logged, a bounded number at a time.
    """

    table: str
    order: int

    def read(self, driver: Driver, after: int, upto: int) -> AsyncIterator[Sequence[ChainedRow]]:
        """Yield the rows in blocks."""
        ...


class Damage(msgspec.Struct, frozen=True):
    """The first row that is not as it was written: its table, place, and what is wrong with it.

    In `journal_batch` the place is the batch's last seq; `leg` is None where rows have none.
    """

    table: str
    seq: int
    leg: int | None
    what: str

    def __str__(self) -> str:
        """Return a sentence for a person."""
        place = f"{self.seq}" if self.leg is None else f"{self.seq}, leg {self.leg}"
        return f"{self.table} at seq {place}: {self.what}"


class Verified(msgspec.Struct, frozen=True):
    """What `verify` walked over, and the first damage it met (None: every byte is as written)."""

    seq: int
    hash: bytes
    batches: int
    rows: int
    damage: Damage | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement that the batch ending at `seq` had this hash at that time.

    `public_key` is base64; `signature` is Ed25519 (RFC 8032) over `checkpoint_message`.
    """

    seq: int
    hash: bytes
    signed_at: datetime
    public_key: str
    signature: bytes


class Cursor(msgspec.Struct, frozen=True):
    """How far a subscriber has read: `batch_hash` is that of the batch that ends at `batch_seq`.

    `problem` says why it stopped; it stays stopped until an operator has looked.
    """

    seq: int
    batch_seq: int
    batch_hash: bytes
    problem: str | None = None


class Subscriber(Protocol):
    """Reads every entry once, in order, and changes rows of its own in the same transaction.

    `name` is its cursor's, for ever. `from_start` decides where a new cursor begins: at the
    first entry or at the newest. Effects outside the database are at least once: put them into
    a table here and send them later.
    """

    name: str
    from_start: bool

    async def handle(self, tx: "Tx", schema: str, entries: Sequence[Entry]) -> None:
        """Take the entries; an exception undoes this call and they come again later."""
        ...
