"""Opens the wheel of a plugin, made by a stranger: looked at whole before anything is written."""

import hashlib
import stat
import zipfile
from collections.abc import Sequence
from email.parser import BytesParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile
from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from guildbank.kernel import Refusal
from guildbank.plugin_host.apart.installed import Origin

MAX_WHEEL_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_FILES = 10_000
MAX_METADATA_BYTES = 1024 * 1024
MAX_RATIO = 200
"""How many times its packed bytes a file may unpack to, from a mebibyte on."""
GROUP = "guildbank.plugins"
_MIB = 1024 * 1024


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that may be unpacked. `entry_points` are those of Guildbank's group."""

    path: Path
    origin: Origin
    name: str
    version: str
    requires: Sequence[str]
    entry_points: Sequence[str]


class _Opened(NamedTuple):
    file: zipfile.ZipFile
    info: str


def refuse(code: str, wheel: Path, why: str) -> Refusal:
    """Return the refusal of a wheel; nothing was changed."""
    return Refusal(code=code, detail=f"{wheel.name} {why} Nothing was changed.", field="wheel")


def look_at(path: Path) -> Wheel | Refusal:
    """Return what a wheel says of itself.

    Refusals: `not_a_wheel`, `wheel_too_large`, `wheel_unsafe`, `wheel_unfit`.
    """
    try:
        name, number, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        return refuse("not_a_wheel", path, f"is no wheel by its name: {error}.")
    if not path.is_file():
        return refuse("not_a_wheel", path, "is not there, or is no file.")
    if path.stat().st_size > MAX_WHEEL_BYTES:
        return refuse("wheel_too_large", path, f"has more than {MAX_WHEEL_BYTES} bytes.")
    if not tags & set(sys_tags()):
        return refuse("wheel_unfit", path, "is for another Python or another machine.")
    try:
        with zipfile.ZipFile(path) as file:
            return _unsafe(path, file) or _read(path, file, name, str(number))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, KeyError) as error:
        return refuse("not_a_wheel", path, f"cannot be read as a wheel: {error}.")


def _unsafe(path: Path, file: zipfile.ZipFile) -> Refusal | None:
    members = file.infolist()
    if len(members) > MAX_FILES:
        return refuse("wheel_too_large", path, f"holds more than {MAX_FILES} files.")
    if sum(one.file_size for one in members) > MAX_UNPACKED_BYTES:
        return refuse("wheel_too_large", path, f"unpacks to more than {MAX_UNPACKED_BYTES} bytes.")
    for one in members:
        parts = PurePosixPath(one.filename)
        if parts.is_absolute() or ".." in parts.parts or "\\" in one.filename:
            return refuse("wheel_unsafe", path, f"holds a path out of it: {one.filename[:200]!r}.")
        if stat.S_ISLNK(one.external_attr >> 16):
            return refuse("wheel_unsafe", path, f"holds a link: {one.filename[:200]!r}.")
        if one.file_size > max(_MIB, MAX_RATIO * one.compress_size):
            return refuse("wheel_too_large", path, f"holds a bomb: {one.filename[:200]!r}.")
    if len({one.filename for one in members}) != len(members):
        return refuse("wheel_unsafe", path, "holds two files of one name.")
    return None


def _read(path: Path, file: zipfile.ZipFile, name: str, number: str) -> Wheel | Refusal:
    folders = {PurePosixPath(one).parts[0] for one in file.namelist()}
    infos = [one for one in folders if one.endswith(".dist-info")]
    if len(infos) != 1:
        return refuse("not_a_wheel", path, "has not exactly one .dist-info folder.")
    opened = _Opened(file, infos[0])
    about = BytesParser().parsebytes(_text(opened, "METADATA"), headersonly=True)
    if canonicalize_name(str(about["Name"])) != name or str(about["Version"]) != number:
        return refuse("not_a_wheel", path, "is of another name or version inside.")
    try:
        wants = SpecifierSet(str(about["Requires-Python"] or ""))
        requires = [str(Requirement(one)) for one in about.get_all("Requires-Dist", [])]
    except (InvalidSpecifier, InvalidRequirement) as error:
        return refuse("not_a_wheel", path, f"says what it needs in no form of its own: {error}.")
    if not wants.contains(default_environment()["python_full_version"], prereleases=True):
        return refuse("wheel_unfit", path, f"needs Python {wants}.")
    with path.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
    return Wheel(
        path=path,
        origin=Origin(wheel=path.name, sha256=digest),
        name=name,
        version=number,
        requires=requires,
        entry_points=_entry_points(opened),
    )


def _text(opened: _Opened, name: str) -> bytes:
    member = opened.file.getinfo(f"{opened.info}/{name}")
    if member.file_size > MAX_METADATA_BYTES:
        raise ValueError(f"its {name} is too large")
    return opened.file.read(member)


def _entry_points(opened: _Opened) -> list[str]:
    """Return what the group names; `entry_points.txt` is an INI file of names and places."""
    if f"{opened.info}/entry_points.txt" not in opened.file.namelist():
        return []
    found, inside = [], False
    for line in _text(opened, "entry_points.txt").decode().splitlines():
        text = line.strip()
        if text.startswith("["):
            inside = text == f"[{GROUP}]"
        elif inside and "=" in text and not text.startswith(("#", ";")):
            found.append(text.partition("=")[2].split("[")[0].strip())
    return found


def lacking(wheels: Sequence[Wheel]) -> list[str]:
    """Return what the wheels need and neither they nor Guildbank's environment have."""
    given = {one.name: one.version for one in wheels}
    missing = []
    for text in sorted({text for one in wheels for text in one.requires}):
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        has = given.get(canonicalize_name(need.name)) or _version(need.name)
        if has is None or not need.specifier.contains(Version(has), prereleases=True):
            missing.append(f"{text} (here: {has or 'none'})")
    return missing


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def unpack(wheel: Wheel, into: Path) -> Refusal | None:
    """Write the files of a wheel below a folder, each compared with the hash that the wheel has.

    Refusal: `wheel_unsafe`.
    """
    aside = into.parent / "aside"
    places = {"purelib": str(into), "platlib": str(into)}
    places |= {name: str(aside / name) for name in ("scripts", "data", "headers")}
    target = SchemeDictionaryDestination(
        places, interpreter="/usr/bin/python3", script_kind="posix"
    )
    try:
        with WheelFile.open(wheel.path) as source:
            source.validate_record(validate_contents=True)
            install(source, target, additional_metadata={"INSTALLER": b"guildbank"})
    except (InstallerError, OSError, ValueError, zipfile.BadZipFile, AssertionError) as error:
        said = f"{error}"[:300] or type(error).__name__
        return refuse("wheel_unsafe", wheel.path, f"cannot be unpacked: {said}.")
    return None
