"""Background work of identity: what is due of lives and keys, and what nobody needs any more."""

from typing import Protocol

from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.external.tidy import forget_proofs
from guildbank.identity.usecases.lives.change_state import lift_suspensions
from guildbank.identity.usecases.lives.erase import erase_due
from guildbank.identity.usecases.lives.export import make_exports
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
    await forget_proofs(services.identity)
    await forget_ended(services.identity)


async def run_signing_keys(services: Services) -> None:
    """Rotate the signing keys when they are old, and forget those that are gone."""
    await services.identity.signing.keep()


async def run_lift(services: Services) -> None:
    """Reinstate players whose suspension is over."""
    await lift_suspensions(services.identity)


async def run_exports(services: Services) -> None:
    """Make the copies that persons asked for."""
    await make_exports(services.identity)


async def run_erasures(services: Services) -> None:
    """Erase persons whose time has come, and sweep up after a crash."""
    await erase_due(services.identity)


JOBS = (
    Job("identity.tidy", 300, run_tidy),
    Job("identity.signing-keys", 3600, run_signing_keys),
    Job("identity.lift_suspensions", 10, run_lift),
    Job("identity.exports", 10, run_exports),
    Job("identity.erasures", 60, run_erasures),
)
