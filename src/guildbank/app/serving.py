"""Serves HTTP: Granian's parent, which forks worker processes and starts those again that fail."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial

from guildbank.app.memory import load, settle
from guildbank.app.places import database_url, make_data_folder, metrics_folder
from guildbank.app.schema import wait_until_current
from guildbank.infra.config import Settings
from guildbank.infra.postgres import ClusterError

DRAIN_SECONDS = 15
"""Time for requests in flight and queued acts after SIGTERM; then the worker is killed."""
QUIET_SECONDS = 5.0


def serve(settings: Settings, rooms: Sequence[str] = ()) -> int:
    """Serve until SIGTERM or SIGINT; returns an exit code. The port opens once the database is
    there and migrated, so that no old schema meets new code.

    Raises UnknownRoom, KeyUnusable and MigrationPending.
    """
    load()
    # Imported while the database may still be starting, and before the fork: workers share it.
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from guildbank.app.asgi import create_app
    from guildbank.app.rooms import choose_rooms
    from guildbank.infra.metrics import share_metrics
    from guildbank.infra.telemetry import set_up_logging

    set_up_logging(settings.log_format, settings.log_level)
    choose_rooms(rooms)
    make_data_folder(settings)
    share_metrics(metrics_folder(settings))
    asyncio.run(_database_ready(settings))
    settle()
    server = Granian(
        target="guildbank",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        log_level=LogLevels.warning,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
    )
    server.serve(target_loader=partial(create_app, settings, rooms), wrap_loader=False)
    return 0


async def _database_ready(settings: Settings) -> None:
    """Wait for the database, and say after a while what is waited for."""
    waiting = asyncio.ensure_future(wait_until_current(partial(_url, settings)))
    done, _ = await asyncio.wait({waiting}, timeout=QUIET_SECONDS)
    if not done:
        sys.stderr.write(
            "Waiting for the database: it does not answer yet, or it is not migrated "
            "(guildbank migrate).\n"
        )
    await waiting


def _url(settings: Settings) -> str | None:
    try:
        return database_url(settings)
    except ClusterError:
        return None


if __name__ == "__main__":
    sys.exit(serve(Settings.load()))
