"""What a backup is made of, and the error of everything that can go wrong with one."""

from datetime import datetime
from typing import Protocol

import msgspec

FORMAT = 1


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


class Part(msgspec.Struct, frozen=True):
    """A sealed file of a backup, as it lies there."""

    name: str
    bytes: int
    sha256: str


class Manifest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """What lies in the open beside the sealed parts: nothing that is anybody's secret.

    `revision` is that of the database's schemas, `recipient` the public half of the recovery key.
    `made_at` was read before the database was: everything committed until then is in it.
    """

    format: int
    made_at: datetime
    guildbank: str
    revision: str
    recipient: str
    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        """The size of all parts."""
        return sum(part.bytes for part in self.parts)


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to so many bytes, none at the end."""
        ...


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take all of the bytes, and say how many they were."""
        ...

    def flush(self) -> None:
        """Keep nothing back."""
        ...
