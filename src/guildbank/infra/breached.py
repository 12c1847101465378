"""Passwords that are known from breaches, in a file of this machine: nothing is asked of anybody.

The file is made from a list of SHA-1 hashes in their order, as Have I Been Pwned publishes it. It
has a head, an index by the first two bytes of a hash, and of each hash the next four bytes. A
look-up reads one bucket; of n hashes, n in 2^48 passwords that nobody knows are taken for known.
"""

import mmap
import os
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GBPWNED1"
_BUCKETS = 65_536
_REST_BYTES = 4
_INDEX = struct.Struct(f"<{_BUCKETS + 1}Q")
_HEAD_BYTES = len(MAGIC) + _INDEX.size
_HASH_LETTERS = 40
_REPORT_EVERY = 1_000_000
FILE_NAME = "breached-passwords.bin"

Progress = Callable[[int, int], None]
"""`progress(bytes read, hashes kept)`."""


class BadList(ValueError):
    """The list cannot be used; the message says at which line, and why."""


class Breached:
    """The hashes that were loaded into the data folder, if any were."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map: mmap.mmap | None = None
        self._of: tuple[int, int] | None = None

    def knows(self, password: str) -> bool:
        """Say whether the password is on the list; False where there is no list.

        Reads the disk: call it beside the event loop. Raises BadList for a damaged file.
        """
        found = self._open()
        if found is None:
            return False
        # SHA-1 is what the list has; it protects nothing here.
        digest = sha1(password.encode(), usedforsecurity=False).digest()
        bucket = int.from_bytes(digest[:2], "big")
        begin, end = struct.unpack_from("<QQ", found, len(MAGIC) + 8 * bucket)
        rest = digest[2 : 2 + _REST_BYTES]
        at = bisect_left(_Rests(found), rest, begin, end)
        return at < end and _Rests(found)[at] == rest

    def count(self) -> int | None:
        """Return how many hashes are loaded, None where no list is. Raises BadList."""
        found = self._open()
        return None if found is None else (len(found) - _HEAD_BYTES) // _REST_BYTES

    def _open(self) -> mmap.mmap | None:
        """Map the file, anew where another one has taken its place."""
        try:
            at = self.path.stat()
        except FileNotFoundError:
            return None
        if self._map is None or self._of != (at.st_ino, at.st_mtime_ns):
            with self.path.open("rb") as file:
                self._map = _checked(file, self.path)
            self._of = (at.st_ino, at.st_mtime_ns)
        return self._map


class _Rests:
    """The four bytes of each hash, by their number."""

    def __init__(self, found: mmap.mmap) -> None:
        self._found = found

    def __len__(self) -> int:
        return (len(self._found) - _HEAD_BYTES) // _REST_BYTES

    def __getitem__(self, at: int) -> bytes:
        begin = _HEAD_BYTES + at * _REST_BYTES
        return self._found[begin : begin + _REST_BYTES]


def _checked(file: BinaryIO, path: Path) -> mmap.mmap:
    size = os.fstat(file.fileno()).st_size
    if size >= _HEAD_BYTES:
        found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        offsets = _INDEX.unpack_from(found, len(MAGIC))
        whole = _HEAD_BYTES + offsets[-1] * _REST_BYTES
        if found[: len(MAGIC)] == MAGIC and size == whole and list(offsets) == sorted(offsets):
            return found
    raise BadList(f"{path} is damaged; load the list of breached passwords again")


def load_list(source: BinaryIO, target: Path, *, at_least: int, progress: Progress) -> int:
    """Write the file from lines `SHA1:count` in the order of their hashes; return how many it has.

    Hashes seen fewer than `at_least` times are left out. Memory stays constant, and the old file
    serves until the new one is complete. Raises BadList and OSError.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            kept = _write(source, file, at_least, progress)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return kept


def _write(source: BinaryIO, file: BinaryIO, at_least: int, progress: Progress) -> int:
    offsets = array("Q", bytes(_INDEX.size))
    file.write(bytes(_HEAD_BYTES))
    kept = read = 0
    for number, (digest, count, length) in enumerate(_lines(source), 1):
        read += length
        if count >= at_least:
            file.write(digest[2 : 2 + _REST_BYTES])
            kept += 1
            offsets[int.from_bytes(digest[:2], "big") + 1] = kept
        if number % _REPORT_EVERY == 0:
            progress(read, kept)
    if kept == 0:
        raise BadList("the list has no hash that was seen often enough")
    # A bucket without a hash ends where the one before it does.
    for bucket in range(1, _BUCKETS + 1):
        offsets[bucket] = max(offsets[bucket], offsets[bucket - 1])
    file.seek(0)
    if sys.byteorder == "big":
        offsets.byteswap()
    file.write(MAGIC + offsets.tobytes())
    progress(read, kept)
    return kept


def _lines(source: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield of each line its hash, how often it was seen, and its length in bytes."""
    before = b""
    for number, line in enumerate(iter(lambda: source.readline(256), b""), 1):
        text = line.strip()
        hash_, colon, count = text.partition(b":")
        try:
            digest = bytes.fromhex(hash_.decode("ascii"))
            times = int(count) if colon else 1
        except ValueError:
            digest, times = b"", 0
        if len(hash_) != _HASH_LETTERS or len(digest) * 2 != _HASH_LETTERS or times < 1:
            raise BadList(
                f"line {number} is no SHA-1 in 40 hexadecimal digits with a count after a colon"
            )
        if digest <= before:
            raise BadList(f"line {number} is out of order: sort the list by its hashes")
        before = digest
        yield digest, times, len(line)
