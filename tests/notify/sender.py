"""A worker process that sends the mail of one tenant once, for tests that kill it.

Arguments: the tenant's slug and the time that it goes by. The settings come from the environment.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import datetime

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.kernel import FixedClock
from guildbank.notify.usecases.send import send_due


async def main(slug: str, now: str) -> None:
    services = open_services(Settings.load())
    notify = replace(services.notify, clock=FixedClock(datetime.fromisoformat(now)))
    await send_due(notify, [await services.directory.by_slug(slug)])
    await services.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
