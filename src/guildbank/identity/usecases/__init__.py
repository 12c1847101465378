"""The verbs of identity, one a file, and the parts that they work with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from guildbank.identity.contracts.lives import Follower
from guildbank.identity.contracts.operators import Permissions
from guildbank.identity.store.accounts import greatest_bcrypt_cost
from guildbank.identity.usecases.hooks.call import Hooks
from guildbank.identity.usecases.machines.note_use import UseNotes
from guildbank.identity.usecases.machines.recognise import KeyRing
from guildbank.identity.usecases.operators.staff import Staff
from guildbank.identity.usecases.players.seal import Persons
from guildbank.identity.usecases.protection.known import Protections
from guildbank.identity.usecases.sign_tokens import TokenMint
from guildbank.identity.usecases.signing_keys import SigningKeys
from guildbank.identity.usecases.standing import Standings
from guildbank.infra.breached import FILE_NAME as BREACHED_FILE
from guildbank.infra.breached import Breached
from guildbank.infra.cache import Recent
from guildbank.infra.crypto import Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.egress import Egress
from guildbank.infra.limits import Limiter, Throttle
from guildbank.infra.passwords import Passwords
from guildbank.infra.room import Obstacle, Personal
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Journal, Recorder
from guildbank.kernel import Clock, SystemClock
from guildbank.notify import Notify
from guildbank.plugin_host import Captchas, Plugins
from guildbank.tenancy import Tenants

IMPORTED_SECONDS = 10.0
"""So long a worker may not have heard that slower hashes were imported."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the verbs need; the app makes one with `open_identity`.

    `scopes` is every scope that a room declares, with its meaning; `personal` and `obstacles` are
    what the rooms declare of persons. `followers` change with a player's state. `imported` says by
    schema how slow the slowest hash is that another system made.
    """

    db: Database
    journal: Journal
    tenants: Tenants
    clock: Clock
    scopes: Mapping[str, str]
    notes: UseNotes
    keys: KeyRing
    signing: SigningKeys
    hooks: Hooks
    protections: Protections
    breached: Breached
    tokens: TokenMint
    persons: Persons
    passwords: Passwords
    imported: Recent[str, int | None]
    standings: Standings
    throttle: Throttle
    limiter: Limiter
    notify: Notify
    staff: Staff
    followers: Sequence[Follower] = ()
    personal: Sequence[Personal] = ()
    obstacles: Sequence[Obstacle] = ()

    async def recorder(self, tenant: TenantRef | None) -> Recorder:
        """Return what records changes of a tenant's people and machines, or the deployment's.

        Not for the inside of a transaction.
        """
        schema = CONTROL_SCHEMA if tenant is None else tenant.schema
        return Recorder(schema, await self.tenants.sealer(tenant))

    async def close(self) -> None:
        """Write what is gathered; call before the database closes."""
        self.passwords.close()
        await self.standings.close()
        await self.notes.close()


async def _bcrypt_cost(db: Database, schema: str) -> int | None:
    async with db.begin(schema, read_only=True) as tx:
        return await greatest_bcrypt_cost(tx.driver)


def open_identity(
    *,
    db: Database,
    journal: Journal,
    tenants: Tenants,
    vault: Vault,
    scopes: Mapping[str, str],
    url: str,
    throttle: Throttle,
    limiter: Limiter,
    notify: Notify,
    clock: Clock | None = None,
    egress: Egress | None = None,
    plugins: Plugins | None = None,
    data: Path = Path(),
    followers: Sequence[Follower] = (),
    personal: Sequence[Personal] = (),
    obstacles: Sequence[Obstacle] = (),
    permissions: Permissions = Permissions(),  # noqa: B008 - it is frozen
    home: str = "http://127.0.0.1:8080",
) -> Identity:
    """Return the parts over one database, which is at `url`; one set a process.

    `egress` is the client of addresses that tenants supply, `data` the folder of what was loaded.
    `followers` are the upper rooms that follow a player's state; `personal` and `obstacles` are
    what all rooms declare of persons. `permissions` are what operators may have, `home` is where
    the deployment is reached.
    """
    clock = clock or SystemClock()
    egress = egress or Egress()
    notes = UseNotes(db)
    signing = SigningKeys(db, vault, clock)
    return Identity(
        db=db,
        journal=journal,
        tenants=tenants,
        clock=clock,
        scopes=scopes,
        notes=notes,
        keys=KeyRing(db, clock, notes),
        signing=signing,
        hooks=Hooks(db, tenants, egress, clock),
        protections=Protections(db, tenants, Captchas(plugins or Plugins(), egress)),
        breached=Breached(data / BREACHED_FILE),
        tokens=TokenMint(signing, clock),
        persons=Persons(db, tenants),
        passwords=Passwords(),
        imported=Recent(partial(_bcrypt_cost, db), seconds=IMPORTED_SECONDS),
        standings=Standings(db, url, clock),
        throttle=throttle,
        limiter=limiter,
        notify=notify,
        followers=followers,
        personal=personal,
        obstacles=obstacles,
        staff=Staff(tenants, vault, permissions, home),
    )
