"""The hash chain: canonical bytes of rows, their digests, and a batch's hash."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b, sha256
from struct import Struct

from guildbank.kernel.ids import epoch_us

FORMAT = 1
"""Version of the canonical bytes. A change is a new number; old batches keep theirs."""

DIGEST_SIZE = 8
GENESIS = bytes(32)
_HEAD = Struct(">Bqqqq")
_ENTRY = Struct(">qHHBBI")


def entry_bytes(
    seq: int,
    kind: str,
    principal: str,
    key_hash: bytes | None,
    fingerprint: bytes | None,
    data: bytes,
) -> bytes:
    """Return an entry's canonical bytes: lengths first, so no two entries share them."""
    who = principal.encode()
    name = kind.encode()
    key = key_hash or b""
    print_ = fingerprint or b""
    head = _ENTRY.pack(seq, len(name), len(who), len(key), len(print_), len(data))
    return b"".join((head, name, who, key, print_, data))


def row_digest(canonical: bytes) -> bytes:
    """Return the 8 bytes by which `verify` finds the first damaged row of a batch."""
    return blake2b(canonical, digest_size=DIGEST_SIZE).digest()


def digests(rows: Iterable[bytes]) -> bytes:
    """Return the digests of all rows of a batch, in order."""
    return b"".join([blake2b(row, digest_size=DIGEST_SIZE).digest() for row in rows])


def batch_hash(
    previous: bytes, epoch: int, first: int, last: int, at: datetime, rows: Sequence[bytes]
) -> bytes:
    """Return SHA-256 over the previous hash, the format, the batch's facts and all its rows."""
    return sha256(b"".join((batch_head(previous, epoch, first, last, at), *rows))).digest()


def batch_head(previous: bytes, epoch: int, first: int, last: int, at: datetime) -> bytes:
    """Return what a batch's hash begins with, for one who hashes its rows as they come."""
    return previous + _HEAD.pack(FORMAT, epoch, first, last, epoch_us(at))


def checkpoint_message(tenant: str, seq: int, hash_: bytes, at: datetime) -> bytes:
    """Return what a checkpoint signs: five lines of text, the last without a line feed.

    `guildbank checkpoint 1`, the tenant's slug, the seq, the hash in hex, microseconds since 1970.
    """
    lines = ("guildbank checkpoint 1", tenant, str(seq), hash_.hex(), str(epoch_us(at)))
    return "\n".join(lines).encode()
