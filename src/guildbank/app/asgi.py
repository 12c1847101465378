"""The HTTP application of one worker process."""

import asyncio
from collections.abc import Sequence

from litestar import Litestar

from guildbank.app.memory import settle
from guildbank.app.origins import TenantOrigins
from guildbank.app.rooms import all_rooms, choose_rooms, codes_of
from guildbank.app.wiring import Services, open_services
from guildbank.infra.config import Settings
from guildbank.infra.http.app import build_app
from guildbank.infra.telemetry import set_up_logging
from guildbank.pipelines import Follower


def create_app(settings: Settings | None = None, rooms: Sequence[str] = ()) -> Litestar:
    """Return the app over services of its own, with the routes of these rooms (none: all).

    It is what a worker of Granian calls, once. Raises UnknownRoom, BadSettings, ClusterError
    and KeyUnusable.
    """
    settings = settings or Settings.load()
    set_up_logging(settings.log_format, settings.log_level)
    return app_over(open_services(settings), rooms)


def app_over(services: Services, rooms: Sequence[str] = ()) -> Litestar:
    """Return the app over these services, which it closes when it stops."""

    follower = Follower(services.pipelines, services.directory, "http")
    following: list[asyncio.Task[None]] = []

    async def started() -> None:
        settle()
        following.append(asyncio.create_task(follower.run()))

    async def ended() -> None:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await services.close()

    return build_app(
        routes=[route for room in choose_rooms(rooms) for route in room.routes],
        authenticate=services.authenticate,
        find_home=services.authenticate.home,
        settings=services.settings,
        codes=codes_of(all_rooms()),
        services=services.by_name,
        metrics=services.metrics,
        limiter=services.limiter,
        origins=TenantOrigins(services.directory, services.authenticate),
        checks={"database": services.check_database},
        on_startup=[started],
        on_shutdown=[ended],
    )
