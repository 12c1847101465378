"""Background work of notify: mail is sent from here, and its remains are cleared away."""

from typing import Protocol

from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.room import Job
from guildbank.notify.backlogs import WAITING
from guildbank.notify.usecases import Notify
from guildbank.notify.usecases.send import send_due
from guildbank.notify.usecases.tidy import tidy


class Services(Protocol):
    """What the jobs take of the app's services."""

    @property
    def notify(self) -> Notify:
        """The parts of notify."""
        ...


async def run_send(services: Services) -> None:
    """Hand over mail that is due."""
    notify = services.notify
    tenants = await busy_tenants(notify.db, await notify.tenants.all(), WAITING)
    await send_due(notify, [None, *tenants])


async def run_tidy(services: Services) -> None:
    """Give up old mail and forget what was kept long enough."""
    # Also of suspended tenants: what their mail says is not kept for longer because of that.
    await tidy(services.notify, [None, *await services.notify.tenants.all()])


JOBS = (
    Job("notify.send", 2, run_send),
    Job("notify.tidy", 60, run_tidy),
)
