"""Background work of identity: what nobody used in time is cleared away."""

from typing import Protocol

from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.tidy import forget_ended
from guildbank.identity.usecases.sign_in.tickets import forget_expired
from guildbank.infra.room import Job


class Services(Protocol):
    """What the job takes of the app's services."""

    @property
    def identity(self) -> Identity:
        """The parts of identity."""
        ...


async def run_tidy(services: Services) -> None:
    """Clear away what has expired, tenant by tenant."""
    await forget_expired(services.identity)
    await forget_ended(services.identity)


JOBS = (Job("identity.tidy", 300, run_tidy),)
