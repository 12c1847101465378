"""Sign where a journal stands and take that out of the database, so that no rewriting goes unseen.

Whoever can write to the database can also compute a new chain. They cannot sign it, and they
cannot change a file on another disk.
"""

import asyncio
import base64
import fcntl
import os
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from guildbank.infra.crypto import SigningKey, Vault, verify_signature
from guildbank.infra.database import Database
from guildbank.journal import reading
from guildbank.journal.chain import checkpoint_message
from guildbank.journal.contracts import Checkpoint
from guildbank.kernel import Clock

_BLOCK = 1_000
_TAIL_BYTES = 4_096
MAX_LINE_BYTES = 2_048


class Line(msgspec.Struct, rename="camel", frozen=True):
    """A checkpoint as a line of the file: hash in hex, key and signature in base64."""

    tenant: str
    seq: int
    hash: str
    signed_at: datetime
    public_key: str
    signature: str


class CheckedFile(msgspec.Struct, frozen=True):
    """What a file of checkpoints proved: how many lines agree, and the first that does not."""

    checkpoints: int
    problem: str | None = None


def checkpoint_key(vault: Vault, tenant_id: str) -> SigningKey:
    """Return the key that signs a tenant's checkpoints: derived, so that nothing stores it."""
    return SigningKey(vault.hash(b"journal checkpoint", tenant_id.encode()))


async def sign_checkpoint(
    db: Database, schema: str, tenant: str, key: SigningKey, clock: Clock
) -> Checkpoint | None:
    """Sign the newest batch and keep it; None when there is nothing new since the last one.

    `tenant` is the slug.
    """
    async with db.begin(schema) as tx:
        tip = await reading.read_tip(tx.driver)
        last = await reading.checkpoints_before(tx.driver, tip.last + 1, 1)
        if tip.last == 0 or (last and last[0].seq == tip.last):
            return None
        at = clock.now()
        made = Checkpoint(
            seq=tip.last,
            hash=tip.hash,
            signed_at=at,
            public_key=key.public_key,
            signature=key.sign(checkpoint_message(tenant, tip.last, tip.hash, at)),
        )
        await reading.write_checkpoint(tx.driver, made)
    return made


async def export_checkpoints(db: Database, schema: str, tenant: str, path: Path) -> int:
    """Append the checkpoints that the file lacks, each safe on disk; returns how many.

    A crash between signing and writing loses nothing: the next call writes the rest.
    """
    written = 0
    after = await asyncio.to_thread(_last_seq, path)
    while True:
        async with db.begin(schema, read_only=True) as tx:
            block = await reading.checkpoints_after(tx.driver, after, _BLOCK)
        if not block:
            return written
        lines = b"".join(msgspec.json.encode(_line(tenant, one)) + b"\n" for one in block)
        await asyncio.to_thread(_append, path, lines)
        after = block[-1].seq
        written += len(block)


async def check_checkpoints(
    db: Database, schema: str, tenant: str, path: Path, trusted: Collection[str]
) -> CheckedFile:
    """Hold every line of a file against the journal; `trusted` are public keys in base64.

    Finds a journal that was cut short or written anew, and a file that another key signed. The
    links between checkpoints are for `verify_journal`.
    """
    count = 0
    before = 0
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(MAX_LINE_BYTES), b"")
        while block := await asyncio.to_thread(list, islice(lines, _BLOCK)):
            if not block[-1].endswith(b"\n") and len(block[-1]) < MAX_LINE_BYTES:
                block.pop()  # a crash in mid-write; the next export replaces it
            read: list[Line] = []
            for line in block:
                fault = _fault(line, tenant, trusted, before)
                if isinstance(fault, str):
                    return CheckedFile(count, f"line {count + len(read) + 1}: {fault}")
                read.append(fault)
                before = fault.seq
            async with db.begin(schema, read_only=True) as tx:
                tip = await reading.read_tip(tx.driver)
                hashes = await reading.read_batch_hashes(tx.driver, [one.seq for one in read])
            for one in read:
                if one.seq > tip.last:
                    return CheckedFile(count, f"the journal was cut: it ends at seq {tip.last}, "
                                              f"but seq {one.seq} was signed")  # fmt: skip
                found = hashes.get(one.seq)
                if found is None or found.hex() != one.hash:
                    return CheckedFile(count, f"the journal was written anew: at seq {one.seq} "
                                              "it has another hash than was signed")  # fmt: skip
                count += 1
    return CheckedFile(count)


def _fault(text: bytes, tenant: str, trusted: Collection[str], before: int) -> Line | str:
    """Return the line if it stands by itself, else what is wrong with it."""
    try:
        line = msgspec.json.decode(text, type=Line)
        signature = base64.b64decode(line.signature, validate=True)
        hash_ = bytes.fromhex(line.hash)
    except (msgspec.DecodeError, ValueError):
        return "this is no checkpoint"
    if line.tenant != tenant:
        return f"it belongs to tenant {line.tenant!r}"
    if line.public_key not in trusted:
        return "it is signed by a key that is not this deployment's"
    if line.signed_at.tzinfo is None or line.seq <= before:
        return "it is out of order"
    message = checkpoint_message(tenant, line.seq, hash_, line.signed_at)
    return line if verify_signature(line.public_key, message, signature) else "it is forged"


def _line(tenant: str, one: Checkpoint) -> Line:
    signature = base64.b64encode(one.signature).decode()
    return Line(tenant, one.seq, one.hash.hex(), one.signed_at, one.public_key, signature)


def _last_seq(path: Path) -> int:
    """Return the seq of the last whole line, 0 for no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return 0
    return msgspec.json.decode(lines[-1], type=Line).seq if lines else 0


def _append(path: Path, lines: bytes) -> None:
    """Append under a lock, after cutting what a crash left of a line; fsync file and folder."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        at = max(0, end - _TAIL_BYTES)
        file.seek(at)
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        file.truncate(at + whole)
        file.seek(at + whole)
        seen = _seqs(tail[:whole])
        file.write(b"".join(line for line in lines.splitlines(True) if not _seqs(line) & seen))
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _seqs(lines: bytes) -> set[int]:
    """Return the seqs of whole lines; the first may be cut off and is then passed over."""
    found: set[int] = set()
    for line in _whole(lines):
        found.add(line.seq)
    return found


def _whole(lines: bytes) -> Iterator[Line]:
    rows: Sequence[bytes] = lines.splitlines()
    for row in rows:
        if row.startswith(b"{") and row.endswith(b"}"):
            yield msgspec.json.decode(row, type=Line)
