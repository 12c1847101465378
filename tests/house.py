"""A house of the lower rooms on a real database, for tests that need tenants, keys and players."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
from litestar import Litestar
from tests.apps import lend_app, on_loan
from tests.spares import with_spares

from guildbank.app.rooms import (
    all_rooms,
    approvables_of,
    mails_of,
    obstacles_of,
    permissions_of,
    personal_of,
)
from guildbank.approvals import FourEyes
from guildbank.approvals.room import ROOM as APPROVALS
from guildbank.identity import (
    Authenticator,
    ExternalSignIn,
    Follower,
    Identity,
    Persons,
    StaffRights,
    create_key,
    open_identity,
)
from guildbank.identity.room import ROOM as IDENTITY
from guildbank.infra.config import Settings
from guildbank.infra.crypto import MasterKey, Vault
from guildbank.infra.database import Database
from guildbank.infra.egress import Egress
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.limits import open_limiter, open_store, open_throttle
from guildbank.infra.migrations.run import migrate
from guildbank.infra.room import Room
from guildbank.journal import Journal
from guildbank.journal.usecases.freeze import TenantJournal
from guildbank.kernel import Clock, FixedClock, Refusal, SystemClock
from guildbank.notify import Letters, Notify
from guildbank.plugin_host import IdentityProviders, Plugins
from guildbank.tenancy import Tenancy, TenantRef, Tenants, create_tenant
from guildbank.tenancy.room import ROOM as TENANCY
from guildbank.wallets import WalletReserve

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
ROOMS = (TENANCY, APPROVALS, IDENTITY)
SCOPES = {name: text for room in ROOMS for name, text in room.scopes.items()}
SCOPES["wallets:spend"] = "Spend."
PERMISSIONS = permissions_of(ROOMS)


@dataclass(frozen=True)
class House:
    """The parts, on one database. `clock` is what keys and tokens go by."""

    url: str
    db: Database
    journal: Journal
    tenancy: Tenancy
    identity: Identity
    clock: FixedClock
    vault: Vault
    four_eyes: FourEyes
    _apps: dict[str, Litestar] = field(default_factory=dict)
    _today: list[Identity] = field(default_factory=list)

    async def tenant(self, slug: str) -> TenantRef:
        """Create a tenant."""
        made = await create_tenant(self.tenancy, slug, slug.title())
        assert not isinstance(made, Refusal), made
        return made.ref

    async def key(self, tenant: TenantRef | None, *scopes: str) -> str:
        """Create a key and return its token."""
        wanted = scopes or (DEPLOYMENT_SCOPE,)
        made = await create_key(self.identity, tenant, "test", wanted)
        assert not isinstance(made, Refusal), made
        return made.token

    def app(
        self,
        identity: Identity | None = None,
        plugins: Plugins | None = None,
        url: str = "http://localhost",
    ) -> Litestar:
        """Return an app with the routes of these rooms, of this worker or of `another`.

        This worker's own is the same for a whole test.
        """
        if identity is not None or plugins is not None:
            return self._build(identity or self.identity, plugins, url)
        app = self._apps.get(url)
        if app is None or not on_loan(app):
            app = self._apps[url] = self._build(self.identity, None, url)
        return app

    def _build(self, identity: Identity, plugins: Plugins | None, url: str) -> Litestar:
        authenticator = Authenticator(identity)
        external = self.external(identity, plugins, url)
        return lend_app(
            ROOMS,
            authenticator,
            {
                "tenancy": self.tenancy,
                "identity": identity,
                "four_eyes": self.four_eyes,
                "everything": SimpleNamespace(identity=identity, external=external),
                "external": external,
            },
            authenticator.home,
        )

    def external(
        self,
        identity: Identity,
        plugins: Plugins | None = None,
        url: str = "http://localhost",
    ) -> ExternalSignIn:
        """Return sign-in elsewhere, whose providers may be servers of this machine too."""
        providers = IdentityProviders(plugins or Plugins.discover(), Egress(private=True))
        return ExternalSignIn(identity, providers, url)

    def today(self, scopes: Mapping[str, str]) -> Identity:
        """Return the parts of identity that go by the real clock, the same for all tests."""
        if not self._today:
            self._today.append(self.another(clock=SystemClock(), scopes=scopes))
        return self._today[0]

    async def close(self) -> None:
        """Give all connections back."""
        await self.journal.close()
        for identity in (self.identity, *self._today):
            await identity.close()
        await self.db.close()

    def another(
        self,
        journal: Journal | None = None,
        clock: Clock | None = None,
        scopes: Mapping[str, str] = SCOPES,
        egress: Egress | None = None,
        plugins: Plugins | None = None,
        data: Path = Path(),
        home: str = "http://127.0.0.1:8080",
    ) -> Identity:
        """Return the parts of identity as another worker process has them; close them after.

        With a clock of its own its mail goes by that one too.
        """
        notify = self.identity.notify
        return open_identity(
            db=self.db,
            journal=journal or self.journal,
            tenants=self.tenancy.tenants,
            vault=self.vault,
            scopes=scopes,
            url=self.url,
            throttle=self.identity.throttle,
            limiter=self.identity.limiter,
            notify=notify if clock is None else replace(notify, clock=clock),
            clock=clock or self.clock,
            egress=egress,
            plugins=plugins,
            data=data,
            followers=self.identity.followers,
            personal=self.identity.personal,
            obstacles=self.identity.obstacles,
            permissions=PERMISSIONS,
            home=home,
        )

    async def players_client(self, tenant: TenantRef) -> httpx.AsyncClient:
        """Return a client of the tenant's players, who have not signed in."""
        made = await create_key(self.identity, tenant, "client", kind="publishable")
        assert not isinstance(made, Refusal), made
        client = self.client(self.app())
        client.headers["x-guildbank-key"] = made.token
        return client

    def client(self, app: Litestar, token: str | None = None) -> httpx.AsyncClient:
        """Return a client of the app that calls with the token."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


def open_four_eyes(db: Database, journal: Journal, tenants: Tenants, clock: Clock) -> FourEyes:
    """Return what says whether a verb needs a second person."""
    return FourEyes(
        db=db,
        journal=journal,
        tenants=tenants,
        rights=StaffRights(db, clock, PERMISSIONS),
        reserve=WalletReserve(),
        persons=Persons(db, tenants),
        approvables=approvables_of(all_rooms()),
    )


@asynccontextmanager
async def open_house(
    url: str,
    folder: Path,
    followers: Sequence[Follower] = (),
    rooms: Sequence[Room] = (IDENTITY,),
    *,
    spares: bool = True,
) -> AsyncIterator[House]:
    """Migrate the database and open the rooms over it. Without `spares` each tenant's schema is
    made anew.

    `followers` are of rooms above; `rooms` are those that are asked what they know of persons.
    """
    failed = [schema for schema in migrate(url) if schema.error]
    assert not failed, failed
    db = Database(url, pool_size=6)
    vault, clock = Vault(MasterKey(bytes(32))), FixedClock(START)
    tenants = Tenants(db, vault)
    journal = Journal(db, sealers=tenants.sealer)
    tenancy = Tenancy(db, vault, tenants, TenantJournal(vault), folder / "archives")
    if spares:
        tenancy = with_spares(tenancy)
    counters = open_store(Settings(), db)
    notify = Notify(
        db, tenants, vault, Letters(mails_of(all_rooms())), "http://localhost:8080", clock=clock
    )
    identity = open_identity(
        db=db,
        journal=journal,
        tenants=tenants,
        vault=vault,
        scopes=SCOPES,
        url=url,
        throttle=open_throttle(counters, vault),
        limiter=open_limiter(counters, vault),
        notify=notify,
        clock=clock,
        followers=followers,
        personal=personal_of(rooms),
        obstacles=obstacles_of(rooms),
        permissions=PERMISSIONS,
    )
    four_eyes = open_four_eyes(db, journal, tenants, clock)
    house = House(url, db, journal, tenancy, identity, clock, vault, four_eyes)
    try:
        yield house
    finally:
        await house.close()
