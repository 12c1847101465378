"""Puts a deployment's installed plugins among those that come with Guildbank, and keeps them so.

While a server runs, versions come and go: the newest of each answers, and the process of the one
before is ended when it has done what it is at. Older ones stay for payments that only they read.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from guildbank.plugin_host.apart.installed import Found, find_installed, folder_of, names_in
from guildbank.plugin_host.apart.isolated import House, Isolated, Withheld
from guildbank.plugin_host.apart.walls import Walls
from guildbank.plugin_host.discovery import SAFE, Offered, Plugins, Report, check_recorded

log = structlog.get_logger(__name__)


def join_installed(
    plugins: Plugins, data: Path, *, unconfined: bool = False, safe: bool = False
) -> House:
    """Add the plugins installed in the data folder, and return the keeper of their processes.

    None of their code runs by this. With `safe` none of it runs at all: each is there, so that what
    needs its answer is refused, and gives none. One whose files are not those that were installed,
    or for which no wall can be built, is reported and is not there.
    """
    plugins.safe = plugins.safe or safe
    house = House(Walls(data, unconfined=unconfined))
    joined = _Joined(plugins, folder_of(data), house, safe=safe)
    joined.take_up(find_installed(joined.folder))
    plugins.look_again = joined.look_again
    plugins.close_installed = house.close
    return house


class _Joined:
    """What of a folder of plugins this process has taken up."""

    def __init__(self, plugins: Plugins, folder: Path, house: House, *, safe: bool) -> None:
        self.folder = folder
        self._plugins, self._house, self._safe = plugins, house, safe
        self._names = names_in(folder)
        self._running: dict[str, Isolated] = {}
        self._newest: dict[str, Isolated] = {}

    async def look_again(self) -> bool:
        """Take up what was installed or removed since; return whether anything was."""
        self._house.end_idle()
        names = names_in(self.folder)
        if names == self._names:
            return False
        found = await asyncio.to_thread(find_installed, self.folder)
        await self._warm(found)
        newest, running = list(self._newest.values()), dict(self._running)
        self._names = names
        self.take_up(found)
        gone = [one for name, one in running.items() if name not in self._running]
        replaced = [one for one in newest if one not in self._newest.values()]
        for plugin in dict.fromkeys((*replaced, *gone)):
            manifest = plugin.manifest
            log.info("plugin_replaced", plugin=manifest.id, version=manifest.version)
            why = "it was removed" if plugin in gone else "a newer version took its place"
            self._house.retire(plugin, why)
        return True

    def take_up(self, found: Sequence[Found]) -> None:
        """Put these in place of all that were taken up before; of their code none runs by this."""
        offered = [self._offer(one) for one in found]
        self._plugins.renew(offered)
        kept = {one.folder.name for one in found}
        self._running = {name: one for name, one in self._running.items() if name in kept}
        self._newest = {
            report.name: plugin
            for report, plugin in offered
            if isinstance(plugin, Isolated) and not report.older
        }

    async def _warm(self, found: Sequence[Found]) -> None:
        """Have processes of new versions run before they are called, where older ones run now."""
        for one in found:
            running, plugin = self._newest.get(one.name), self._offer(one)[1]
            if running is None or one.older or not isinstance(plugin, Isolated):
                continue
            if plugin is not running:
                await self._house.run_like(running, plugin)

    def _offer(self, found: Found) -> Offered:
        record = found.installed
        if record is None:
            report = Report(name=found.name, problem=found.problem, source="?", older=found.older)
            return report, None
        # Its record may be older than the rules, or than this version of the api.
        unfit = found.problem or check_recorded(record.manifest, record.verbs)
        problem = unfit or (None if self._safe else self._house.walls.problem)
        report = Report(
            name=found.name,
            manifest=record.manifest,
            problem=problem or (SAFE if self._safe else None),
            source=record.source,
            sha256=record.origins[0].sha256,
            older=found.older,
        )
        if problem is not None:
            return report, None
        if self._safe:
            return report, Withheld(record)
        known = self._running.get(found.folder.name)
        if known is None:
            known = Isolated(record, found.folder / "files", self._house)
            self._running[found.folder.name] = known
        return report, known
