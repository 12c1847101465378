"""What is kept of an installed plugin: its files in a folder of their own, and a record beside."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from guildbank.plugin_api import Manifest

RECORD = "plugin.json"
_STAGED = ".new-"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that was installed: its file's name, and the SHA-256 of its bytes."""

    wheel: str
    sha256: str


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """The record of an installed plugin, written when it was installed and never changed.

    `manifest` and `verbs` are what it said of itself then, so that no code of it runs to be listed.
    `origins` are its wheels, its own first. `files_sha256` is the digest of all that was unpacked.
    """

    manifest: Manifest
    verbs: Sequence[str]
    entry_point: str
    origins: Sequence[Origin]
    files_sha256: str
    installed_at: datetime

    @property
    def id(self) -> str:
        """The plugin's id, which is its folder's name too."""
        return self.manifest.id

    @property
    def source(self) -> str:
        """Where it is from, for a person."""
        first = self.origins[0]
        more = f" and {len(self.origins) - 1} more" if len(self.origins) > 1 else ""
        return f"{first.wheel}{more}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in one folder: a record, or the problem with it, or both."""

    name: str
    folder: Path
    installed: Installed | None
    problem: str | None


def folder_of(data: Path) -> Path:
    """Return the folder of all installed plugins of a deployment."""
    return data / "plugins"


def find_installed(folder: Path) -> list[Found]:
    """Return what is installed, in order of ids, each compared with its record."""
    if not folder.is_dir():
        return []
    names = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    return [_find(folder / name) for name in names]


def _find(folder: Path) -> Found:
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=Installed)
        digest = digest_of(folder / "files")
    except (OSError, msgspec.DecodeError) as error:
        unread = f"its folder cannot be read: {error}. Remove it and install it again."
        return Found(name=folder.name, folder=folder, installed=None, problem=unread)
    problem: str | None = None
    if record.id != folder.name:
        problem = "its record is another plugin's"
    elif digest != record.files_sha256:
        problem = "its files are not those that were installed. Remove it and install it again."
    return Found(name=folder.name, folder=folder, installed=record, problem=problem)


def digest_of(folder: Path) -> str:
    """Return SHA-256 of the names and bytes of all files; a link in it raises OSError."""
    whole = hashlib.sha256()
    for path in _files(folder):
        whole.update(f"{path.relative_to(folder)}\0".encode(errors="surrogateescape"))
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if path.is_symlink():
                raise OSError(f"{path} is a link")
            yield path


def _raise(error: OSError) -> None:
    raise error


def open_to_readers(folder: Path) -> None:
    """Let any user read the files, since a plugin is another user than who installs it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def staged(folder: Path, word: str) -> Path:
    """Return where a plugin is made ready before it has its name."""
    return folder / f"{_STAGED}{word}"


def remove_installed(folder: Path, id_: str) -> None:
    """Take a plugin away; it is gone at once, whatever happens while its files are deleted."""
    gone = folder / f".gone-{id_}-{os.getpid()}"
    (folder / id_).rename(gone)
    shutil.rmtree(gone)
