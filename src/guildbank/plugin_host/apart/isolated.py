"""Installed plugins as the core calls them: like others, a tenant's in a process of its own."""

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from guildbank.plugin_api import (
    PARTING,
    ChecksMoveSettings,
    ChecksSettings,
    Manifest,
    SettingProblem,
)
from guildbank.plugin_api.runner import PREFIX, Rehearsed, hear, takes_context, verbs_of
from guildbank.plugin_host.apart.installed import Installed
from guildbank.plugin_host.apart.process import PluginFailed, PluginProcess
from guildbank.plugin_host.apart.walls import Walls
from guildbank.plugin_host.parting import log_parting
from guildbank.plugin_host.words import for_the_log, without_secrets

log = structlog.get_logger(__name__)
MAX_PROCESSES = 32
"""Of all plugins and tenants in one process of the server."""
MAX_STARTS = 50
"""Settings for which a process is made ready again after it ended."""
IDLE_SECONDS = 600.0
"""A process that nobody called for so long is ended: its revision runs no more, or nobody buys."""
CPU_SECONDS = 300.0
"""Then another process takes its place, long before the kernel ends it in the middle of a call."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
CHECK_SECONDS = 10.0
AT_END_SECONDS = 2.0
"""How long calls may still take when the server ends, whose own work has ended before."""
WITHOUT_CONTEXT = (
    "start", "check_settings", "check_move_settings", "check_field", "drain", "close", "rehearsal",
)  # fmt: skip
"""Verbs that are not asked as the others are."""


class _Place:
    """Where the process of one tenant and plugin is, and how it went."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.process: PluginProcess | None = None
        self.starts: OrderedDict[str, Any] = OrderedDict()
        self.failures = 0
        self.again_at = 0.0
        self.used_at = 0.0


class House:
    """The processes of all installed plugins in this process of the server."""

    def __init__(self, walls: Walls) -> None:
        self.walls = walls
        self._places: dict[tuple[Isolated, str], _Place] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def ask(
        self, plugin: "Isolated", name: str, context: Any, arguments: Sequence[Any]
    ) -> Any:
        """Return what the tenant's process says; raises PluginFailed."""
        place = self._places.setdefault((plugin, context.tenant), _Place())
        process = await self._process(plugin, context.tenant, place)
        place.used_at = asyncio.get_running_loop().time()
        verb = verbs_of(plugin.manifest.slot)[name]
        try:
            answer = await process.ask(name, verb, context, arguments)
        finally:
            if process.ended is not None:
                # Nobody else waits for what is left of it.
                await process.end(process.ended)
                if place.process is process:
                    self._failed(place)
        place.failures = 0
        return answer

    async def start(self, plugin: "Isolated", context: Any) -> None:
        """Have the tenant's process run and made ready; raises PluginFailed."""
        place = self._places.setdefault((plugin, context.tenant), _Place())
        if not plugin.starts:
            await self._process(plugin, context.tenant, place)
            return
        await self.ask(plugin, "start", context, ())
        place.starts[repr(sorted(context.settings.items(), key=str))] = context
        if len(place.starts) > MAX_STARTS:
            place.starts.popitem(last=False)

    async def run_like(self, before: "Isolated", plugin: "Isolated") -> None:
        """Have a newer version's processes run where those of the one before it do.

        Where one does not start, each is left to its first call, which tells whoever needs it: the
        others would do no better, and nobody waits for each of them to run out of time.
        """
        for (one, tenant), place in list(self._places.items()):
            if one is before and place.process is not None:
                new = self._places.setdefault((plugin, tenant), _Place())
                try:
                    await self._process(plugin, tenant, new)
                except (PluginFailed, OSError) as error:
                    log.warning("plugin_not_started", plugin=plugin.manifest.id, error=repr(error))
                    return

    def retire(self, plugin: "Isolated", why: str) -> None:
        """End the processes of a version that is called no more, once each is at no call."""
        for (one, _), place in self._places.items():
            if one is plugin and place.process is not None:
                self._begin_leaving(self._leave(plugin, place, place.process, why))

    def end_idle(self) -> None:
        """End what nobody called for long: its revision runs no more, or nobody buys."""
        now = asyncio.get_running_loop().time()
        for (plugin, _), place in self._places.items():
            process = place.process
            if process is not None and not process.busy and now - place.used_at >= IDLE_SECONDS:
                place.process = None
                self._begin_leaving(self._part(plugin, process, "nobody used it"))

    async def close(self) -> None:
        """End all processes, each when it has done what it is at, and those that were leaving."""
        ends = []
        while self._places:
            (plugin, _), place = self._places.popitem()
            if place.process is not None:
                ends.append(self._finish(plugin, place.process))
        await asyncio.gather(*ends, *self._leaving, return_exceptions=True)

    async def ask_each(self, plugin: "Isolated", name: str) -> None:
        """Ask each process of a plugin to drain or to close; raises what one of them raises."""
        for (one, _), place in list(self._places.items()):
            if one is plugin and place.process is not None and place.process.ended is None:
                await place.process.ask(name, verbs_of(plugin.manifest.slot)[name], None, ())

    async def _leave(
        self, plugin: "Isolated", place: _Place, process: PluginProcess, why: str
    ) -> None:
        while process.busy and process.ended is None:
            # Its calls end by their own deadlines, and others may begin until then.
            await process.idle.wait()
        if place.process is process:
            place.process = None
        await self._part(plugin, process, why)

    async def _finish(self, plugin: "Isolated", process: PluginProcess) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AT_END_SECONDS):
                while process.busy and process.ended is None:
                    await process.idle.wait()
        await self._part(plugin, process, "the server ends")

    async def _part(self, plugin: "Isolated", process: PluginProcess, why: str) -> None:
        """Have a process that gets no more calls drain and close, and end it whatever it does."""
        manifest = plugin.manifest
        try:
            for name, seconds in PARTING:
                if name not in plugin.verbs or process.ended is not None:
                    continue
                limit = asyncio.timeout(seconds)
                try:
                    async with limit:
                        await process.ask(name, verbs_of(manifest.slot)[name], None, ())
                except Exception as error:  # whatever it does, it ends
                    late = f"it was not done within {seconds:g} seconds"
                    said = for_the_log(error, manifest, {}, process.without_secrets)
                    log_parting(manifest, name, process.name, late if limit.expired() else said)
        finally:
            await process.end(why)

    def _begin_leaving(self, leaving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(leaving)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _process(self, plugin: "Isolated", tenant: str, place: _Place) -> PluginProcess:
        async with place.lock:
            running, now = place.process, asyncio.get_running_loop().time()
            if running is not None and running.ended is None:
                if running.cpu_seconds < CPU_SECONDS or running.busy:
                    return running
                self._begin_leaving(self._part(plugin, running, "another takes its place"))
            elif running is not None:
                await running.end(running.ended or "it ended by itself")
                self._failed(place, running.ended_at)
            if now < place.again_at:
                raise PluginFailed(f"{plugin.manifest.id} failed and is started again in a while")
            await self._make_room(now)
            try:
                place.process = await self._begin(plugin, tenant, place)
            except BaseException:
                self._failed(place)
                raise
            place.used_at = asyncio.get_running_loop().time()
            return place.process

    async def _begin(self, plugin: "Isolated", tenant: str, place: _Place) -> PluginProcess:
        process = await plugin.spawn(self.walls, tenant)
        try:
            for context in list(place.starts.values()):
                async with asyncio.timeout(plugin.manifest.timeout_seconds):
                    await _start_again(plugin, process, context)
        except BaseException:
            await process.end("it could not be made ready again")
            raise
        return process

    def _failed(self, place: _Place, at: float | None = None) -> None:
        place.process = None
        place.failures += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(place.failures - 1, 20), LONGEST_PAUSE)
        place.again_at = (asyncio.get_running_loop().time() if at is None else at) + pause

    async def _make_room(self, now: float) -> None:
        """End what nobody uses, and the longest idle one where there are too many."""
        alive = [
            (plugin, one)
            for (plugin, _), one in self._places.items()
            if one.process and one.process.ended is None
        ]
        idle = sorted(
            ((plugin, one) for plugin, one in alive if one.process and not one.process.busy),
            key=lambda one: one[1].used_at,
        )
        left = len(alive)
        for plugin, place in idle:
            if left < MAX_PROCESSES and now - place.used_at < IDLE_SECONDS:
                break
            process, place.process = place.process, None
            if process is None:
                continue
            left -= 1
            if len(self._leaving) < MAX_PROCESSES:
                # Nobody waits for how it ends.
                self._begin_leaving(self._part(plugin, process, "nobody used it"))
            else:
                await process.end("nobody used it")
        if left >= MAX_PROCESSES:
            raise PluginFailed(f"{MAX_PROCESSES} processes of plugins are at work already")


async def _start_again(plugin: "Isolated", process: PluginProcess, context: Any) -> None:
    """Make a process ready for settings of before; raises PluginFailed.

    Whoever is told of that may be another step, which knows no secrets of these settings.
    """
    try:
        await process.ask("start", verbs_of(plugin.manifest.slot)["start"], context, ())
    except PluginFailed as failed:
        said = without_secrets(str(failed), plugin.manifest, context.settings)
        raise PluginFailed(said) from None


class Isolated:
    """An installed plugin. It has the verbs that its record names, and `start` in any case."""

    def __init__(self, record: Installed, files: Path, house: House) -> None:
        self._record = record
        self._files = files
        self._house = house
        self.verbs = frozenset(record.verbs)
        self.starts = "start" in record.verbs
        for name in record.verbs:
            if name not in WITHOUT_CONTEXT:
                setattr(self, name, partial(self._ask, name))
        # Only what has these may seem to have them.
        if "check_settings" in record.verbs:
            self.check_settings = partial(self._check_settings, "check_settings")
        if "check_move_settings" in record.verbs:
            self.check_move_settings = partial(self._check_settings, "check_move_settings")
        if "check_field" in record.verbs:
            self.check_field = partial(self._once, "check_field")
        for name in ("drain", "close"):
            if name in record.verbs:
                setattr(self, name, partial(house.ask_each, self, name))
        if "rehearsal" in record.verbs:
            self.rehearsal = self._rehearsal

    @property
    def manifest(self) -> Manifest:
        """Return what the plugin said of itself when it was installed."""
        return self._record.manifest

    async def start(self, context: Any) -> None:
        """Have the tenant's process run, made ready for these settings."""
        await self._house.start(self, context)

    async def spawn(self, walls: Walls, tenant: str) -> PluginProcess:
        """Return a new process of this plugin; raises PluginFailed."""
        command, environment = walls.command(self._files, self._record.entry_point)
        name = f"{self.manifest.id} of {tenant}" if tenant else self.manifest.id
        process, _ = await PluginProcess.start(name, command, environment, self.manifest)
        return process

    async def _ask(self, name: str, context: Any, *arguments: Any) -> Any:
        async with asyncio.timeout(self.manifest.timeout_seconds):
            return await self._house.ask(self, name, context, arguments)

    def _check_settings(self, verb: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        try:
            found: Sequence[SettingProblem] = self._once(verb, dict(settings))
        except UnicodeEncodeError:
            return [SettingProblem(field="settings", detail="A text in it is no text.")]
        return found

    def _rehearsal(self) -> Any:
        told = self._once("rehearsal")
        return hear(told, self._act) if isinstance(told, Rehearsed) else told

    def _act(self, name: str) -> Any:
        """Return what has the plugin do its part of a rehearsal, or the company's."""
        ask = self._once if takes_context(name) is None else self._ask
        return partial(ask, f"{PREFIX}{name}")

    def _once(self, name: str, *arguments: Any) -> Any:
        """Ask what takes no context, in a process for this question alone; blocks its thread."""
        answers: list[Any] = []

        def ask() -> None:
            try:
                answers.append(asyncio.run(self._ask_once(name, arguments)))
            except Exception as error:  # it is raised again below, in the caller's thread
                answers.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join()
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    async def _ask_once(self, name: str, arguments: Sequence[Any]) -> Any:
        process = await self.spawn(self._house.walls, "")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                verb = verbs_of(self.manifest.slot)[name]
                return await process.ask(name, verb, None, arguments)
        finally:
            await process.end("the question was answered")


class Withheld:
    """An installed plugin that is not run now: whoever needs its answer gets none."""

    def __init__(self, record: Installed) -> None:
        self._record = record
        for name in record.verbs:
            if name not in WITHOUT_CONTEXT:
                setattr(self, name, self._no_answer)

    @property
    def manifest(self) -> Manifest:
        """Return what the plugin said of itself when it was installed."""
        return self._record.manifest

    async def _no_answer(self, *_: Any) -> Any:
        raise PluginFailed(f"{self.manifest.id} is not run, since the server runs in safe mode")


async def own_problems(
    plugin: object, settings: Mapping[str, Any], *, of_moves: bool = False
) -> list[SettingProblem]:
    """Return what the plugin finds wrong with settings, asked beside the event loop.

    Where it is asked about operations (`of_moves`), it may have a check of its own for that.
    """
    if of_moves and isinstance(plugin, ChecksMoveSettings):
        return list(await asyncio.to_thread(plugin.check_move_settings, settings))
    if isinstance(plugin, ChecksSettings):
        return list(await asyncio.to_thread(plugin.check_settings, settings))
    return []
