"""Ids that sort by time and name their kind: TypeIDs (prefix + UUIDv7, RFC 9562).

An id of a journal entry is its `seq` dressed as a UUIDv7: the batch's time in the 48 bits of
milliseconds, the seq in the 62 low bits. It needs no column and no index, and an id from another
journal does not match this one's time.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from typeid import TypeID
from typeid.core.errors import TypeIDException
from uuid_utils import UUID

_SEQ_BITS = 62
_SEQ_MASK = (1 << _SEQ_BITS) - 1
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_MARKS = 0x3FFFF << 62
"""The bits between time and seq: version, 12 zeros, variant. Others would be second names."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimedSeq(NamedTuple):
    """What a journal id says: a position and the millisecond of its batch."""

    seq: int
    at_ms: int


def new_id(prefix: str) -> str:
    """Return a fresh id such as `pay_01kag3pyqmf9aag12vtrsy70ps`."""
    return str(TypeID(prefix=prefix))


def parse_id(prefix: str, text: str) -> str | None:
    """Return `text` if it is a well-formed id of this prefix, else None."""
    try:
        parsed = TypeID.from_string(text)
    except TypeIDException:
        return None
    return text if parsed.prefix == prefix and str(parsed) == text else None


def uuid_of(id_: str) -> str:
    """Return the UUID that an id is made of, for those who know no other names.

    Raises ValueError for a text that is no such id.
    """
    try:
        return str(TypeID.from_string(id_).uuid)
    except TypeIDException as error:
        raise ValueError(f"{id_[:40]!r} is no id of ours") from error


def id_of_uuid(prefix: str, text: str) -> str | None:
    """Return the id of this prefix that is made of a UUID, however it is written, else None."""
    try:
        return str(TypeID.from_uuid(UUID(text), prefix=prefix))
    except (TypeIDException, ValueError):
        return None


def made_at(id_: str) -> datetime:
    """Return when an id was made: the 48 bits of milliseconds that its UUIDv7 begins with.

    Raises ValueError for a text that is no such id.
    """
    try:
        milliseconds = TypeID.from_string(id_).uuid.int >> 80
    except TypeIDException as error:
        raise ValueError(f"{id_[:40]!r} is no id of ours") from error
    return _EPOCH + timedelta(milliseconds=milliseconds)


def seq_id(prefix: str, seq: int, at: datetime) -> str:
    """Return the id of the journal entry `seq` whose batch was written at `at`."""
    at_ms = epoch_ms(at)
    value = (at_ms << 80) | _VERSION_7 | _VARIANT | (seq & _SEQ_MASK)
    return str(TypeID.from_uuid(UUID(int=value), prefix=prefix))


def parse_seq_id(prefix: str, text: str) -> TimedSeq | None:
    """Return the position that `text` names, or None if it is not such an id.

    The caller compares `at_ms` with the batch's time: an id from another journal differs there.
    """
    if parse_id(prefix, text) is None:
        return None
    value = int(TypeID.from_string(text).uuid.int)
    if value & _MARKS != _VERSION_7 | _VARIANT:
        return None
    return TimedSeq(seq=value & _SEQ_MASK, at_ms=value >> 80)


def epoch_ms(at: datetime) -> int:
    """Return whole milliseconds since 1970, exact (no float)."""
    return epoch_us(at) // 1000


def epoch_us(at: datetime) -> int:
    """Return whole microseconds since 1970, exact (no float)."""
    delta = at.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
