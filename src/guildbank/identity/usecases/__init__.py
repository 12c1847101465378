"""The verbs of identity, one a file, and the parts that they work with."""

from collections.abc import Mapping
from dataclasses import dataclass

from guildbank.identity.contracts.operators import Permissions
from guildbank.identity.usecases.machines.note_use import UseNotes
from guildbank.identity.usecases.machines.recognise import KeyRing
from guildbank.identity.usecases.operators.staff import Staff
from guildbank.identity.usecases.players.seal import Persons
from guildbank.identity.usecases.sign_tokens import TokenMint
from guildbank.identity.usecases.standing import Standings
from guildbank.infra.crypto import Vault
from guildbank.infra.database import Database
from guildbank.infra.limits import Throttle
from guildbank.infra.passwords import Passwords
from guildbank.journal import Journal
from guildbank.kernel import Clock, SystemClock
from guildbank.notify import Notify
from guildbank.tenancy import Tenants


@dataclass(frozen=True, slots=True)
class Identity:
    """What the verbs need; the app makes one with `open_identity`.

    `scopes` is every scope that a room declares, with its meaning.
    """

    db: Database
    journal: Journal
    tenants: Tenants
    clock: Clock
    scopes: Mapping[str, str]
    notes: UseNotes
    keys: KeyRing
    tokens: TokenMint
    persons: Persons
    passwords: Passwords
    standings: Standings
    throttle: Throttle
    notify: Notify
    staff: Staff

    async def close(self) -> None:
        """Write what is gathered; call before the database closes."""
        self.passwords.close()
        await self.standings.close()
        await self.notes.close()


def open_identity(
    db: Database,
    journal: Journal,
    tenants: Tenants,
    vault: Vault,
    scopes: Mapping[str, str],
    url: str,
    throttle: Throttle,
    notify: Notify,
    clock: Clock | None = None,
    *,
    permissions: Permissions = Permissions(),  # noqa: B008 - it is frozen
    home: str = "http://127.0.0.1:8080",
) -> Identity:
    """Return the parts over one database, which is at `url`; one set a process.

    `permissions` are what operators may have, `home` is where the deployment is reached.
    """
    clock = clock or SystemClock()
    notes = UseNotes(db)
    return Identity(
        db=db,
        journal=journal,
        tenants=tenants,
        clock=clock,
        scopes=scopes,
        notes=notes,
        keys=KeyRing(db, clock, notes),
        tokens=TokenMint(db, vault, clock),
        persons=Persons(db, tenants),
        passwords=Passwords(),
        standings=Standings(db, url, clock),
        throttle=throttle,
        notify=notify,
        staff=Staff(tenants, vault, permissions, home),
    )
