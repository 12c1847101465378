"""One change of one tenant: what a use case of any room submits to the journal."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from typing import ClassVar

import msgspec

from guildbank.journal.audit import Witness
from guildbank.journal.contracts import Draft, Need, RowLock
from guildbank.journal.stage import Stage
from guildbank.kernel import Refusal

FINGERPRINT_VERSION = b"\x01"


class Act:
    """One change of one tenant, all or nothing: a use case subclasses it.

    `principal` did it, `verb` names it, `key` is the idempotency key that the principal chose
    (None for acts of the system, which must be safe to repeat by their own state). `needs` says
    what to read under the lock and is asked again after each load (for keys that depend on
    rows), at most MAX_ROUNDS times. `decide` is pure: it reads and puts rows on the stage and
    returns a Draft, or a Refusal that leaves no trace. `is_record` says of a posting by a machine
    that it needs no `witness` of who did it from where. `goes_last` says that it goes by what other
    rooms have written, which no act puts on the stage for it: it is read for and decided by itself,
    when all others of its batch are.
    """

    verb: ClassVar[str]
    rounds: ClassVar[int] = 1
    is_record: ClassVar[bool] = False
    goes_last: ClassVar[bool] = False
    __slots__ = ("fingerprint", "key_hash", "principal", "witness")

    def __init__(self, principal: str, key: str | None = None, command: object = None) -> None:
        self.principal = principal
        self.key_hash: bytes | None = None
        self.fingerprint: bytes | None = None
        self.witness: Witness | None = None
        if key is not None:
            self.key_hash = key_hash(principal, self.verb, key)
            self.fingerprint = fingerprint(self.verb, command)

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the domain rows to lock before the journal; most acts have none."""
        return ()

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return what must be loaded before `decide`."""
        raise NotImplementedError

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Decide on loaded rows; no I/O."""
        raise NotImplementedError


def key_hash(principal: str, verb: str, key: str) -> bytes:
    """Return the 16 bytes that stand for (principal, verb, key) in the key table."""
    return sha256(f"{principal}\0{verb}\0{key}".encode()).digest()[:16]


def fingerprint(verb: str, command: object) -> bytes:
    """Return SHA-256 of the decoded command in canonical form; golden tests hold it still."""
    return sha256(_fingerprint_head(verb) + _canonical.encode(command)).digest()


@cache
def _fingerprint_head(verb: str) -> bytes:
    return FINGERPRINT_VERSION + verb.encode() + b"\0"


_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def facts(value: object) -> bytes:
    """Return the canonical JSON of an entry's facts."""
    return _canonical.encode(value)
