"""Installs and removes plugins for whoever runs the host, on record in the deployment's journal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guildbank.app.plugins import plugins_of
from guildbank.infra.config import Settings
from guildbank.kernel import Refusal
from guildbank.plugin_host import (
    Walls,
    find_installed,
    folder_of,
    prepare,
    remove_installed,
    strangers,
)

if TYPE_CHECKING:
    from guildbank.app.wiring import Services
    from guildbank.plugin_api import Manifest
    from guildbank.plugin_host import Found, Installed

INSTALLED, REMOVED = "plugins.installed", "plugins.removed"
MAX_USES_SHOWN = 10


class NotChanged(Exception):
    """Nothing was installed or removed; the message says why."""


async def install_plugin(
    settings: Settings, wheel: Path, further: Sequence[Path] = ()
) -> "Installed":
    """Install a plugin, or a newer version of one, from its wheel and those that it needs.

    Return its record. Servers that run take it up by themselves. A version that cannot read what
    tenants have is refused. Raises NotChanged, and what opening the services raises.
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
            manifest = ready.record.manifest
            if ready.replaces is not None:
                lost = await _lost(services, [manifest])
                if lost:
                    raise NotChanged(
                        f"{manifest.id} {manifest.version} does not take the place of "
                        f"{ready.replaces.manifest.version}: {_few(lost)}. Nothing was changed."
                    )
            facts = {
                "plugin": ready.record.id,
                "version": manifest.version,
                "wheels": [f"{one.wheel} sha256:{one.sha256}" for one in ready.record.origins],
            }
            await _record(services, INSTALLED, facts)
            ready.place()
            return ready.record
    finally:
        await services.close()


async def remove_plugin(settings: Settings, id_: str, version: str | None = None) -> None:
    """Remove an installed plugin that no tenant uses, or one of its versions. Raises NotChanged.

    A version is removed where the others can read all that tenants have of the plugin.
    """
    from guildbank.app.wiring import open_services

    folder = folder_of(settings.data.absolute())
    versions = [found for found in find_installed(folder) if found.name == id_]
    if not versions:
        with_pip = dict(strangers()).get(id_)
        if with_pip is not None:
            raise NotChanged(
                f"{id_} was not installed by `guildbank plugin install` but with pip, into "
                f"Guildbank's environment: `pip uninstall {with_pip}` takes it away. Restart then."
            )
        raise NotChanged(
            f"No plugin {id_!r} is installed. `guildbank plugin list` shows where each is from; "
            "those that come with Guildbank stay."
        )
    leaving = versions if version is None else [one for one in versions if _is(one, version)]
    if not leaving:
        raise NotChanged(f"No version {version!r} of {id_} is installed; see `plugin list`.")
    staying = [one.installed.manifest for one in versions if one.installed and one not in leaving]
    services = open_services(settings, application="guildbank cli")
    try:
        lost = await (_lost(services, staying) if staying else _uses(services, id_))
        if lost:
            raise NotChanged(
                f"{id_} is in use, so it stays: {_few(lost)}. Publish revisions without it and "
                "switch its accounts off first; what is under way, kept, or may go back needs it "
                "until that is over."
            )
        await _record(
            services, REMOVED, {"plugin": id_, **({"version": version} if version else {})}
        )
        remove_installed(leaving)
    finally:
        await services.close()


def _is(found: "Found", version: str) -> bool:
    return found.installed is not None and found.installed.manifest.version == version


def _few(sentences: Sequence[str]) -> str:
    left = len(sentences) - MAX_USES_SHOWN
    more = f" and {left} more" if left > 0 else ""
    return f"{'; '.join(sentences[:MAX_USES_SHOWN])}{more}"


def _taken(settings: Settings) -> set[str]:
    """Return the ids of what comes with Guildbank."""
    reports = [one for one in plugins_of(settings).reports if one.source is None]
    return {report.manifest.id if report.manifest else report.name for report in reports}


async def _lost(services: "Services", manifests: Sequence["Manifest"]) -> list[str]:
    """Return what of tenants none of these versions reads, each with its tenant."""
    from guildbank.app.rooms import all_rooms, plugin_limits_of

    found = []
    for tenant in await services.tenants():
        for limit in plugin_limits_of(all_rooms()):
            said = await limit(services, tenant, manifests)
            found += [f"{one} of tenant {tenant.slug}" for one in said]
    return found


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
