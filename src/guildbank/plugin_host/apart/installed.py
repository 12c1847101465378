"""What is kept of an installed plugin: its files in a folder of their own, and a record beside."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from guildbank.plugin_api import Manifest

RECORD = "plugin.json"
_STAGED = ".new-"
_VERSION = "@"
"""Stands in a folder's name before the version of an upgrade; no id has it."""


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
        """The plugin's id, with which its folder's name begins."""
        return self.manifest.id

    @property
    def version(self) -> Version:
        """The plugin's version, as versions are ordered."""
        return version_of(self.manifest)

    @property
    def source(self) -> str:
        """Where it is from, for a person."""
        first = self.origins[0]
        more = f" and {len(self.origins) - 1} more" if len(self.origins) > 1 else ""
        return f"{first.wheel}{more}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in one folder: a record, or the problem with it, or both.

    `name` is the plugin's id. It is `older` where a newer version is installed beside it.
    """

    name: str
    folder: Path
    installed: Installed | None
    problem: str | None
    older: bool = False


def version_of(manifest: Manifest) -> Version:
    """Return the version of a plugin; one that is none is older than all others."""
    try:
        return Version(manifest.version)
    except InvalidVersion:
        return Version("0.dev0")


def folder_of(data: Path) -> Path:
    """Return the folder of all installed plugins of a deployment."""
    return data / "plugins"


def names_in(folder: Path) -> list[str]:
    """Return the names of all folders of installed versions; none of them ever changes."""
    if not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))


def find_installed(folder: Path) -> list[Found]:
    """Return what is installed, in order of ids, the newest version of each first.

    Each is compared with its record.
    """
    found = [_find(folder / name) for name in names_in(folder)]
    found.sort(key=lambda one: _age(one.installed), reverse=True)
    found.sort(key=lambda one: one.name)
    before = [None, *found]
    return [
        msgspec.structs.replace(one, older=last is not None and last.name == one.name)
        for last, one in zip(before, found, strict=False)
    ]


def _age(record: Installed | None) -> tuple[bool, Version]:
    """What cannot be read stands first: nobody knows that another version is newer."""
    return record is None, Version("0") if record is None else record.version


def _find(folder: Path) -> Found:
    id_, _, version = folder.name.partition(_VERSION)
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=Installed)
        digest = digest_of(folder / "files")
    except (OSError, msgspec.DecodeError) as error:
        unread = f"its folder cannot be read: {error}. Remove it and install it again."
        return Found(name=id_, folder=folder, installed=None, problem=unread)
    problem: str | None = None
    if record.id != id_ or (version and record.manifest.version != version):
        problem = "its record is another plugin's"
    elif digest != record.files_sha256:
        problem = "its files are not those that were installed. Remove it and install it again."
    return Found(name=id_, folder=folder, installed=record, problem=problem)


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


def place_of(folder: Path, manifest: Manifest, *, first: bool) -> Path:
    """Return the folder of a version; each has its own, so that older ones run on beside it."""
    name = manifest.id if first else f"{manifest.id}{_VERSION}{manifest.version}"
    return folder / name


def remove_installed(versions: Sequence[Found]) -> None:
    """Take versions away, older ones first; each is gone at once, while its files are deleted."""
    for one in reversed(versions):
        gone = one.folder.with_name(f".gone-{one.folder.name}-{os.getpid()}")
        one.folder.rename(gone)
        shutil.rmtree(gone)
