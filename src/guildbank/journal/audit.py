"""What the chain says of who changed something: from where, by which credential, and why.

The chain holds a salted hash; what was hashed lies beside it under the tenant's key and may be
erased, with its salt. A posting by a machine is a record by itself and has none of these.
"""

import os
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from guildbank.infra.acting import Acting
from guildbank.infra.crypto import SealBroken
from guildbank.journal.contracts import Draft, Statement

WRITE_AUDIT = """
INSERT INTO journal_audit (seq, hash, principal, kind, subjects, address, sealed)
SELECT seq, hash, principal, kind, string_to_array(subjects, ' '), address, sealed
FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::bytea[]) AS noted (seq, hash, principal, kind, subjects, address, sealed)
"""

MAX_SUBJECTS = 20
_SALT_BYTES = 16
_PLACE = b"journal_audit"
_SUBJECT = re.compile(rb'"([a-z]{2,16}_[0-9a-hjkmnp-tv-z]{26})"')
_CANONICAL = Struct(">q32s")
_TEXT_OID = 25


class AuditSealer(Protocol):
    """What seals the details of one journal: a tenant's data key, or the vault."""

    def seal(self, aad: bytes, plain: bytes) -> bytes:
        """Seal `plain` for the place `aad`."""
        ...

    def open(self, aad: bytes, sealed: bytes) -> bytes:
        """Return what was sealed; raises SealBroken."""
        ...


class Details(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is told of a change beside its facts. `salt` is random, so the hash tells nothing."""

    salt: str
    address: str | None = None
    credential: str | None = None
    request_id: str | None = None
    reason: str | None = None
    before: Any = None
    after: Any = None


class Witness(NamedTuple):
    """Who acts, and what seals the details of that."""

    sealer: AuditSealer
    acting: Acting


class AuditRow(NamedTuple):
    """A row of `journal_audit`. In the chain are `seq` and `hash`; the rest is found by."""

    seq: int
    hash: bytes
    principal: str
    kind: str
    subjects: Sequence[str]
    address: str | None
    sealed: bytes


def audit_row(seq: int, principal: str, draft: Draft, witness: Witness) -> AuditRow:
    """Return the row of an entry, which is found by every id that its facts name."""
    acting = witness.acting
    details = Details(
        salt=b64encode(os.urandom(_SALT_BYTES)).decode(),
        address=acting.address,
        credential=acting.credential,
        request_id=acting.request_id,
        reason=acting.reason,
        before=draft.before,
        after=draft.after,
    )
    plain = msgspec.json.encode(details)
    named = dict.fromkeys(one.decode() for one in _SUBJECT.findall(draft.data))
    return AuditRow(
        seq=seq,
        hash=sha256(plain).digest(),
        principal=principal,
        kind=draft.kind,
        subjects=tuple(named)[:MAX_SUBJECTS],
        address=acting.address,
        sealed=witness.sealer.seal(_PLACE, plain),
    )


def open_details(sealer: AuditSealer, hash_: bytes, sealed: bytes) -> Details:
    """Return the details of a row; raises SealBroken where they are not those of the chain."""
    plain = sealer.open(_PLACE, sealed)
    if sha256(plain).digest() != hash_:
        raise SealBroken("the details are not those that the chain holds the hash of")
    return msgspec.json.decode(plain, type=Details)


class Audits:
    """The chained log of who changed what."""

    order: ClassVar[int] = 30
    table: ClassVar[str] = "journal_audit"

    def canonical(self, row: AuditRow) -> bytes:
        """Return the row's bytes for the chain: what is erasable is not among them."""
        return canonical(row.seq, row.hash)

    def inserting(self, rows: Sequence[AuditRow]) -> Statement:
        """Insert a few rows; the subjects travel as one text, for arrays of arrays cannot."""
        flat = [row._replace(subjects=" ".join(row.subjects)) for row in rows]
        return Statement(WRITE_AUDIT, tuple(zip(*flat, strict=True)))

    def copied(self, row: AuditRow) -> bytes:
        """Return the row as COPY takes it in binary form."""
        address = None if row.address is None else row.address.encode()
        values = (
            Struct(">q").pack(row.seq), row.hash, row.principal.encode(), row.kind.encode(),
            _text_array(row.subjects), address, row.sealed,
        )  # fmt: skip
        return Struct(">h").pack(len(values)) + b"".join(map(_value, values))


AUDITS = Audits()


def canonical(seq: int, hash_: bytes) -> bytes:
    """Return the bytes of a row for the chain."""
    return _CANONICAL.pack(seq, hash_)


def _value(value: bytes | None) -> bytes:
    return Struct(">i").pack(-1) if value is None else Struct(">i").pack(len(value)) + value


def _text_array(texts: Sequence[str]) -> bytes:
    """Return a text[] in PostgreSQL's binary form: dimensions, flags, type, length, lower bound."""
    if not texts:
        return Struct(">iii").pack(0, 0, _TEXT_OID)
    head = Struct(">iiiii").pack(1, 0, _TEXT_OID, len(texts), 1)
    return head + b"".join(_value(text.encode()) for text in texts)
