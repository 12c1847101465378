"""Makes a plugin ready from its wheels in a folder beside the others, where it is no plugin yet."""

import re
import shutil
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_api.runner import Hello
from guildbank.plugin_host.apart.installed import (
    RECORD,
    Found,
    Installed,
    digest_of,
    find_installed,
    open_to_readers,
    place_of,
    staged,
    version_of,
)
from guildbank.plugin_host.apart.process import PluginFailed, PluginProcess
from guildbank.plugin_host.apart.walls import Walls
from guildbank.plugin_host.apart.wheels import Wheel, lacking, look_at, refuse, unpack
from guildbank.plugin_host.discovery import check_recorded

ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that only needs its name; `place` gives it that.

    `replaces` is the version that it is newer than, None where none is installed.
    """

    record: Installed
    staged: Path
    folder: Path
    replaces: Installed | None = None

    def place(self) -> None:
        """Make it an installed plugin, by one rename; servers that run take it up by themselves."""
        first = self.replaces is None
        self.staged.rename(place_of(self.folder, self.record.manifest, first=first))


@asynccontextmanager
async def prepare(
    wheel: Path,
    further: Sequence[Path],
    folder: Path,
    walls: Walls,
    taken: Collection[str],
    now: datetime,
) -> AsyncIterator[Prepared | Refusal]:
    """Lend a plugin made ready from a wheel and those `further` ones that it needs.

    `taken` are the ids of plugins that come with Guildbank. What was not placed by the end is
    deleted. Refusals: those of `look_at` and `unpack`, `not_confined`, `needs_missing`,
    `not_a_plugin`, `plugin_id_taken`, and `plugin_not_newer` than the version that is installed.
    """
    if walls.problem is not None:
        yield refuse("not_confined", wheel, f"is not installed: {walls.problem}.")
        return
    wheels = _read(wheel, further)
    if isinstance(wheels, Refusal):
        yield wheels
        return
    place = staged(folder, uuid4().hex)
    try:
        refused = _write(wheels, place / "files")
        yield refused or await _prepare(wheels, place, walls, taken, now)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _read(wheel: Path, further: Sequence[Path]) -> list[Wheel] | Refusal:
    wheels = []
    for path in (wheel, *further):
        looked = look_at(path)
        if isinstance(looked, Refusal):
            return looked
        wheels.append(looked)
    return _not_one(wheels) or wheels


def _not_one(wheels: Sequence[Wheel]) -> Refusal | None:
    first = wheels[0]
    if len(first.entry_points) != 1:
        found = len(first.entry_points) or "none"
        why = f"is no plugin: it has {found} of the entry points guildbank.plugins, and needs one."
        return refuse("not_a_plugin", first.path, why)
    if missing := lacking(wheels):
        why = f"needs {', '.join(missing)}. Give the wheel of each with --with."
        return refuse("needs_missing", first.path, why)
    return None


def _write(wheels: Sequence[Wheel], files: Path) -> Refusal | None:
    files.mkdir(parents=True, mode=0o755)
    for one in wheels:
        if (refused := unpack(one, files)) is not None:
            return refused
    shutil.rmtree(files.parent / "aside", ignore_errors=True)
    open_to_readers(files)
    return None


async def _prepare(
    wheels: Sequence[Wheel], place: Path, walls: Walls, taken: Collection[str], now: datetime
) -> Prepared | Refusal:
    first, files = wheels[0], place / "files"
    entry_point = first.entry_points[0]
    try:
        hello = await _describe(walls, files, entry_point)
        manifest = msgspec.msgpack.decode(hello.manifest, type=Manifest)
    except (PluginFailed, msgspec.DecodeError) as error:
        return refuse("not_a_plugin", first.path, f"cannot be used: {error}.")
    if not ID.fullmatch(manifest.id):
        return refuse(
            "not_a_plugin", first.path, f"has the id {manifest.id[:64]!r}, which is none."
        )
    if manifest.id in taken:
        why = f"has the id {manifest.id}, which a plugin that comes with Guildbank has."
        return refuse("plugin_id_taken", first.path, why)
    before = next((one for one in find_installed(place.parent) if one.name == manifest.id), None)
    if before is not None and (refused := _not_newer(first.path, manifest, before)) is not None:
        return refused
    if (problem := check_recorded(manifest, hello.verbs)) is not None:
        return refuse("not_a_plugin", first.path, f"cannot be used: {problem}.")
    record = Installed(
        manifest=manifest,
        verbs=hello.verbs,
        entry_point=entry_point,
        origins=[one.origin for one in wheels],
        files_sha256=digest_of(files),
        installed_at=now,
    )
    (place / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    replaces = None if before is None else before.installed
    return Prepared(record=record, staged=place, folder=place.parent, replaces=replaces)


def _not_newer(wheel: Path, manifest: Manifest, before: Found) -> Refusal | None:
    """Return why a wheel is no upgrade of what is installed under its id."""
    known = before.installed
    if known is None:
        why = f"has the id {manifest.id}, under which something lies that cannot be read. Remove it"
        return refuse("plugin_id_taken", wheel, f"{why} first.")
    if known.manifest.slot is not manifest.slot:
        why = f"is for the slot {manifest.slot}, and {manifest.id} sits in {known.manifest.slot}."
        return refuse("plugin_id_taken", wheel, why)
    if version_of(manifest) <= known.version:
        why = (
            f"is version {manifest.version} of {manifest.id}, and {known.manifest.version} is "
            "installed. Give a newer one its own version, or remove the one that is there first."
        )
        return refuse("plugin_not_newer", wheel, why)
    return None


async def _describe(walls: Walls, files: Path, entry_point: str) -> Hello:
    """Have the plugin say what it is, within its wall."""
    command, environment = walls.command(files, entry_point)
    process, hello = await PluginProcess.start("the plugin", command, environment)
    await process.end("it has said what it is")
    return hello
