"""Puts a deployment's installed plugins among those that come with Guildbank."""

from pathlib import Path

from guildbank.plugin_host.apart.installed import Found, find_installed, folder_of
from guildbank.plugin_host.apart.isolated import House, Isolated, Withheld
from guildbank.plugin_host.apart.walls import Walls
from guildbank.plugin_host.discovery import Plugins, Report

SAFE = "not run: the server runs in safe mode"


def join_installed(
    plugins: Plugins, data: Path, *, unconfined: bool = False, safe: bool = False
) -> House:
    """Add the plugins installed in the data folder, and return the keeper of their processes.

    None of their code runs by this. With `safe` none of it runs at all: each is there, so that what
    needs its answer is refused, and gives none. One whose files are not those that were installed,
    or for which no wall can be built, is reported and is not there.
    """
    walls = Walls(data, unconfined=unconfined)
    house = House(walls)
    for found in find_installed(folder_of(data)):
        _join(plugins, found, house, safe=safe)
    return house


def _join(plugins: Plugins, found: Found, house: House, *, safe: bool) -> None:
    record = found.installed
    if record is None:
        plugins.admit(Report(name=found.name, problem=found.problem, source="?"), None)
        return
    problem = found.problem or (None if safe else house.walls.problem)
    report = Report(
        name=found.name,
        manifest=record.manifest,
        problem=problem,
        source=record.source,
        sha256=record.origins[0].sha256,
    )
    if problem is not None:
        plugins.admit(report, None)
    elif safe:
        plugins.admit(report, Withheld(record))
        plugins.note(found.name, SAFE)
    else:
        plugins.admit(report, Isolated(record, found.folder / "files", house))
