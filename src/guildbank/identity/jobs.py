"""Background work of identity: old tickets are cleared away, signing keys are rotated."""

from typing import Protocol

from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.external.tidy import forget_proofs
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


async def run_signing_keys(services: Services) -> None:
    """Rotate the signing keys when they are old, and forget those that are gone."""
    await services.identity.signing.keep()


JOBS = (
    Job("identity.tidy", 300, run_tidy),
    Job("identity.signing-keys", 3600, run_signing_keys),
)
