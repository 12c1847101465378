"""Files of the data folder as one stream: a tar archive that is written and read without a seek."""

import os
import tarfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from guildbank.infra.backups.contracts import BackupError, Sink, Source


def pack_files(root: Path, names: Sequence[str], take: Callable[[Source], None]) -> None:
    """Let `take` read an archive of what is there of these names below the root."""

    def write(pipe: BinaryIO) -> None:
        with tarfile.open(fileobj=pipe, mode="w|") as archive:
            for name in names:
                if (root / name).exists():
                    archive.add(root / name, arcname=name)

    _through_pipe(write, take)


def unpack_files(root: Path, names: Sequence[str], give: Callable[[Sink], None]) -> None:
    """Write the archive that `give` writes below the root; anything of another name is refused."""

    def write(pipe: BinaryIO) -> None:
        give(pipe)

    def read(pipe: BinaryIO) -> None:
        try:
            with tarfile.open(fileobj=pipe, mode="r|") as archive:
                for member in archive:
                    if member.name.split("/")[0] not in names:
                        raise BackupError(f"The backup holds {member.name!r}, none of our files.")
                    archive.extract(member, root, filter="data")
        except tarfile.TarError as error:
            raise BackupError(f"The files of the backup cannot be unpacked: {error}.") from error
        while pipe.read(1 << 16):
            # The end of the stream: what seals it is checked there.
            pass

    _through_pipe(write, read)


def _through_pipe(write: Callable[[BinaryIO], None], read: Callable[[BinaryIO], None]) -> None:
    """Let one thread write what this one reads; raises what either of them raised."""
    reading, writing = os.pipe()
    trouble: list[BaseException] = []

    def feed() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe:
                write(pipe)
        except BaseException as error:
            trouble.append(error)

    feeder = threading.Thread(target=feed, name="backup files", daemon=True)
    feeder.start()
    read_all = False
    try:
        with os.fdopen(reading, "rb") as pipe:
            read(pipe)
        read_all = True
    finally:
        feeder.join()
        with suppress(IndexError):
            error = trouble[0]
            # Whoever stops reading breaks the pipe of who writes, which is no trouble of its own.
            if read_all or not isinstance(error, BrokenPipeError):
                raise error
