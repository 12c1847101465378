"""Installs and removes plugins for whoever runs the host, on record in the deployment's journal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guildbank.app.plugins import plugins_of
from guildbank.infra.config import Settings
from guildbank.kernel import Refusal
from guildbank.plugin_host import Walls, find_installed, folder_of, prepare, remove_installed

if TYPE_CHECKING:
    from guildbank.app.wiring import Services
    from guildbank.plugin_host import Installed

INSTALLED, REMOVED = "plugins.installed", "plugins.removed"
MAX_USES_SHOWN = 10


class NotChanged(Exception):
    """Nothing was installed or removed; the message says why."""


async def install_plugin(
    settings: Settings, wheel: Path, further: Sequence[Path] = ()
) -> "Installed":
    """Install a plugin from its wheel and those that it needs; return its record.

    Processes that run find it at their next start. Raises NotChanged, and what opening the
    services raises.
    """
    from guildbank.app.wiring import open_services

    data = settings.data.absolute()
    walls = Walls(data, unconfined=settings.allow_unconfined_plugins)
    services = open_services(settings, application="guildbank cli")
    try:
        taken = _taken(settings)
        now = services.clock.now()
        async with prepare(wheel, further, folder_of(data), walls, taken, now) as ready:
            if isinstance(ready, Refusal):
                raise NotChanged(ready.detail)
            facts = {
                "plugin": ready.record.id,
                "version": ready.record.manifest.version,
                "wheels": [f"{one.wheel} sha256:{one.sha256}" for one in ready.record.origins],
            }
            await _record(services, INSTALLED, facts)
            ready.place()
            return ready.record
    finally:
        await services.close()


async def remove_plugin(settings: Settings, id_: str) -> None:
    """Remove an installed plugin that no tenant uses. Raises NotChanged."""
    from guildbank.app.wiring import open_services

    folder = folder_of(settings.data.absolute())
    if id_ not in {found.name for found in find_installed(folder)}:
        raise NotChanged(
            f"No plugin {id_!r} is installed. `guildbank plugin list` shows where each is from; "
            "those that come with Guildbank stay."
        )
    services = open_services(settings, application="guildbank cli")
    try:
        uses = await _uses(services, id_)
        if uses:
            more = f" and {len(uses) - MAX_USES_SHOWN} more" if len(uses) > MAX_USES_SHOWN else ""
            raise NotChanged(
                f"{id_} is in use, so it stays: {'; '.join(uses[:MAX_USES_SHOWN])}{more}. Publish "
                "revisions without it and switch its accounts off first."
            )
        await _record(services, REMOVED, {"plugin": id_})
        remove_installed(folder, id_)
    finally:
        await services.close()


def _taken(settings: Settings) -> set[str]:
    reports = plugins_of(settings).reports
    ids = {report.manifest.id for report in reports if report.manifest}
    return ids | {report.name for report in reports}


async def _uses(services: "Services", id_: str) -> list[str]:
    """Return where tenants use the plugin, each with its tenant."""
    from guildbank.app.rooms import all_rooms, plugin_uses_of

    found = []
    for tenant in await services.tenants():
        async with services.db.begin(tenant.schema, read_only=True) as tx:
            for use in plugin_uses_of(all_rooms()):
                rows = await tx.driver.fetch(use.statement, id_)
                found += [f"{row[0]} of tenant {tenant.slug}" for row in rows]
    return found


async def _record(services: "Services", kind: str, facts: Mapping[str, object]) -> None:
    from guildbank.infra.acting import HOST
    from guildbank.infra.database import CONTROL_SCHEMA

    recorder = await services.identity.recorder(None)
    async with services.db.begin(CONTROL_SCHEMA) as tx:
        await recorder.record(tx, HOST, kind, facts)
