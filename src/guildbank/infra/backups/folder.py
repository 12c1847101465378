"""The folder of one backup: written under another name until it is whole, and read with care."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from guildbank.infra.backups.contracts import FORMAT, BackupError, Manifest, Part, Sink
from guildbank.infra.private_files import sync_folder

MANIFEST = "backup.json"
_MAX_MANIFEST = 1_000_000
_CHUNK = 1 << 20
Progress = Callable[[int], None]
"""Called with so many bytes more."""


class Draft:
    """A backup that is being made. Left before it is `finished` it takes its files with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._draft = folder.with_name(f".{folder.name}.unfinished")
        self._parts: list[Part] = []

    def __enter__(self) -> "Draft":
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.folder.exists():
                raise BackupError(f"{self.folder} is there already. Nothing was changed.")
            self._draft.mkdir(mode=0o700)
        except FileExistsError:
            raise BackupError(
                f"{self._draft} is there: another backup of this second is being made, or was cut "
                "short. Remove the folder if nothing is at work in it."
            ) from None
        except OSError as error:
            raise BackupError(f"No backup can be made in {self.folder.parent}: {error}.") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._draft, ignore_errors=True)
        if isinstance(error, OSError):
            raise BackupError(f"The backup could not be written: {error}.") from error

    def add(self, name: str, write: Callable[[Sink], None], progress: Progress) -> None:
        """Write a part and put it on the disk."""
        path = self._draft / name
        with path.open("xb") as file:
            counted = _Counted(file, progress)
            write(counted)
            file.flush()
            os.fsync(file.fileno())
        self._parts.append(Part(name, counted.bytes, counted.sha256.hexdigest()))

    def finish(self, manifest: Manifest) -> Manifest:
        """Give the folder its name: from here on it is a backup. Returns what it lists."""
        whole = msgspec.structs.replace(manifest, parts=tuple(self._parts))
        with (self._draft / MANIFEST).open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(whole)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._draft)
        self._draft.rename(self.folder)
        sync_folder(self.folder.parent)
        return whole


class _Counted:
    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self.sha256.update(data)
        self.bytes += len(data)
        self._progress(len(data))
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def read_manifest(folder: Path) -> Manifest:
    """Return what a backup's folder lists; raises BackupError."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_MANIFEST)
        manifest = msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        raise BackupError(
            f"{folder} is no backup: it holds no {MANIFEST}. Name the folder of one backup, such "
            "as guildbank-20270131T040000Z; one whose name ends with .unfinished was cut short."
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{path} cannot be read: {error}.") from error
    if manifest.format != FORMAT:
        raise BackupError(
            f"{path} is of format {manifest.format}, and this Guildbank reads format {FORMAT}. "
            f"Take the release that made it, {manifest.guildbank}, or a newer one than this."
        )
    return manifest


def check_parts(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Compare every part with the list; raises BackupError with the first that differs."""
    for part in manifest.parts:
        path = folder / part.name
        sha256 = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    sha256.update(chunk)
                    progress(len(chunk))
            found = path.stat().st_size
        except OSError as error:
            raise BackupError(f"The part {path} cannot be read: {error}.") from error
        if found != part.bytes:
            raise BackupError(
                f"{path} has {found} bytes and should have {part.bytes}: it was cut short."
            )
        if sha256.hexdigest() != part.sha256:
            raise BackupError(f"{path} is not as it was written: its SHA-256 is another one.")


def open_part(folder: Path, name: str) -> BinaryIO:
    """Open a part to be read; raises BackupError."""
    try:
        return (folder / name).open("rb")
    except OSError as error:
        raise BackupError(f"The part {folder / name} cannot be read: {error}.") from error
