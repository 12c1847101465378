"""Background work of notify: mail is sent from here, and its remains are cleared away."""

from collections.abc import Sequence
from typing import Protocol

from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
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
    await send_due(services.notify, await _senders(services.notify))


async def run_tidy(services: Services) -> None:
    """Give up old mail and forget what was kept long enough."""
    await tidy(services.notify, await _senders(services.notify))


async def _senders(notify: Notify) -> Sequence[TenantRef | None]:
    """Return the deployment itself and every active tenant."""
    return [None, *(one for one in await notify.tenants.all() if one.state == "active")]


JOBS = (
    Job("notify.send", 2, run_send),
    Job("notify.tidy", 60, run_tidy),
)
