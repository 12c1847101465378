"""Builds the parts of one process and plugs upper rooms into the ports of lower ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from guildbank.app.places import database_url, master_key_path
from guildbank.app.plugins import plugins_of
from guildbank.app.rooms import (
    all_rooms,
    approvables_of,
    backlogs_of,
    balances_of,
    gauges_of,
    mails_of,
    obstacles_of,
    permissions_of,
    personal_of,
    purposes_of,
    scopes_of,
    verbs_of,
)
from guildbank.approvals import FourEyes
from guildbank.identity import (
    Authenticator,
    ExternalSignIn,
    Identity,
    Persons,
    StaffRights,
    open_identity,
    party_at,
)
from guildbank.infra.address_countries import AddressCountries
from guildbank.infra.backlogs import Backlogs
from guildbank.infra.config import Settings
from guildbank.infra.crypto import MasterKey, Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.egress import Egress
from guildbank.infra.limits import Limiter, Throttle, open_limiter, open_store, open_throttle
from guildbank.infra.limits import Store as CounterStore
from guildbank.infra.metrics import Metrics
from guildbank.journal import Journal, Meter, Partitioned, Pinger, Subscriber
from guildbank.journal.usecases.freeze import TenantJournal
from guildbank.kernel import Clock, SystemClock
from guildbank.ledger import CHAINED_TRANSFERS, PARTITIONED_TRANSFERS, Proving
from guildbank.notify import Letters, Notify
from guildbank.payments import (
    PaymentHistories,
    PaymentRecord,
    Payments,
    PayoutRecord,
    Timing,
)
from guildbank.pipelines import Pipelines
from guildbank.plugin_host import IdentityProviders
from guildbank.store import PackFulfilment, Store
from guildbank.tenancy import Tenancy, TenantRef, Tenants
from guildbank.wallets import BarWallets, SpendLimit, WalletRecord, WalletReserve
from guildbank.wallets.usecases import Wallets

JOURNAL_WRITERS = 4
PARTS = (
    "db", "everything", "external", "four_eyes", "identity", "notify", "payments",
    "pipelines", "proving", "store", "tenancy", "wallets",
)  # fmt: skip
"""The services that routes take as parameters, by name."""
CHAINED = (CHAINED_TRANSFERS,)
"""Tables above the journal whose rows are in its hash chain."""


@dataclass(frozen=True)
class Services:
    """Everything that routes and jobs of this process work with; one set a process.

    Nothing is connected before it is first used. `close` ends it in order: what is queued is
    committed, what is gathered is written, then the connections close.
    """

    settings: Settings
    url: str
    db: Database
    vault: Vault
    clock: Clock
    metrics: Metrics
    counters: CounterStore
    limiter: Limiter
    throttle: Throttle
    pinger: Pinger
    journal: Journal
    directory: Tenants
    tenancy: Tenancy
    identity: Identity
    notify: Notify
    external: ExternalSignIn
    four_eyes: FourEyes
    pipelines: Pipelines
    wallets: Wallets
    payments: Payments
    store: Store

    @property
    def everything(self) -> "Services":
        """What the verbs of all rooms need, for a stored command of any of them."""
        return self

    @cached_property
    def proving(self) -> Proving:
        """What proofs are taken of."""
        return Proving(self.db, balances_of(all_rooms()))

    @property
    def data(self) -> Path:
        """The folder of everything outside the database."""
        return self.settings.data

    @property
    def partitioned(self) -> Sequence[Partitioned]:
        """Tables of rooms above the journal that are partitioned by its seq."""
        return (PARTITIONED_TRANSFERS,)

    @cached_property
    def subscribers(self) -> Sequence[Subscriber]:
        """The readers of the journal that every room wants fed."""
        return [reader for room in all_rooms() for reader in room.subscribers(self)]

    @cached_property
    def authenticate(self) -> Authenticator:
        """Who calls, from the headers of a request."""
        return Authenticator(self.identity, own_hosts(self.settings), self.settings.default_tenant)

    @cached_property
    def by_name(self) -> Mapping[str, object]:
        """What routes may take as parameters."""
        return {name: getattr(self, name) for name in PARTS}

    async def tenants(self) -> Sequence[TenantRef]:
        """Return all tenants that are not deleted."""
        return await self.directory.all()

    async def check_database(self) -> None:
        """Return when the database answers, else raise."""
        async with self.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            await tx.driver.fetchval("SELECT 1")

    async def close(self) -> None:
        """Finish what is begun and let go of the database."""
        await self.payments.close()
        await self.journal.close()
        await self.identity.close()
        await self.pinger.close()
        await self.limiter.close()
        await self.counters.close()
        await self.db.close()


def open_services(settings: Settings, *, application: str = "guildbank") -> Services:
    """Return the parts over the database that the settings name.

    Raises ClusterError (no embedded database yet) and KeyUnusable (the master key).
    """
    url, clock = database_url(settings), SystemClock()
    vault, db = Vault(master_key_of(settings)), Database(url, settings.pool_size, application)
    directory, plugins, rooms = Tenants(db, vault), plugins_of(settings), all_rooms()
    pinger, metrics, counters = Pinger(url), _open_metrics(db, directory), open_store(settings, db)
    journal = _open_journal(db, pinger, metrics, directory)
    notify, purposes = _open_mail(settings, db, directory, vault), purposes_of(rooms)
    throttle, limiter = open_throttle(counters, vault), open_limiter(counters, vault)
    egress = Egress(private=settings.egress_private, allowed=settings.egress_places)
    identity = open_identity(
        db=db,
        journal=journal,
        tenants=directory,
        vault=vault,
        scopes=scopes_of(rooms),
        url=url,
        throttle=throttle,
        limiter=limiter,
        notify=notify,
        clock=clock,
        egress=egress,
        plugins=plugins,
        data=settings.data.absolute(),
        followers=(BarWallets(),),
        personal=personal_of(rooms),
        obstacles=obstacles_of(rooms),
        permissions=permissions_of(rooms),
        home=settings.url,
    )
    four_eyes = _open_approvals(db, journal, directory, clock)
    pipelines = Pipelines(db, journal, plugins, egress, four_eyes, directory, purposes, clock)
    wallets = Wallets(db, journal, identity.persons, [SpendLimit()], four_eyes, pipelines)
    return Services(
        settings=settings,
        url=url,
        db=db,
        vault=vault,
        clock=clock,
        metrics=metrics,
        counters=counters,
        limiter=limiter,
        throttle=throttle,
        pinger=pinger,
        journal=journal,
        directory=directory,
        tenancy=_open_tenancy(settings, db, directory, vault),
        identity=identity,
        notify=notify,
        external=ExternalSignIn(identity, IdentityProviders(plugins, egress), settings.url),
        four_eyes=four_eyes,
        wallets=wallets,
        pipelines=pipelines,
        payments=_open_payments(settings, pipelines, wallets, identity, counters),
        store=Store(db, journal),
    )


def _open_payments(
    settings: Settings,
    pipelines: Pipelines,
    wallets: Wallets,
    identity: Identity,
    counters: CounterStore,
) -> Payments:
    payments = Payments(
        pipelines.db,
        pipelines.journal,
        pipelines.tenants,
        pipelines.plugins,
        pipelines,
        PackFulfilment(),
        settings.url,
        pipelines.four_eyes,
        pipelines.egress,
        pipelines.clock,
        Timing(),
        address_countries=AddressCountries(settings.address_countries),
        identity=identity,
        counters=counters,
    )
    _tell_pipelines(pipelines, wallets, payments)
    return payments


def _tell_pipelines(pipelines: Pipelines, wallets: Wallets, payments: Payments) -> None:
    """Plug in what the rooms above know: their verbs, and what was paid and done before."""
    pipelines.verbs = verbs_of(all_rooms())
    pipelines.histories, pipelines.record = PaymentHistories(pipelines.db), PaymentRecord(payments)
    records = (WalletRecord(wallets), PayoutRecord(payments))
    pipelines.moves = {verb: one for one in records for verb in one.verbs}


def _open_metrics(db: Database, directory: Tenants) -> Metrics:
    metrics = Metrics()
    rooms = all_rooms()
    metrics.look_up(Backlogs(db, directory.all, backlogs_of(rooms), gauges_of(rooms)))
    return metrics


def _open_journal(db: Database, pinger: Pinger, metrics: Metrics, directory: Tenants) -> Journal:
    return Journal(
        db,
        writers=JOURNAL_WRITERS,
        committed=pinger.committed,
        meter=Meter(metrics.registry),
        sealers=directory.sealer,
    )


def _open_tenancy(settings: Settings, db: Database, directory: Tenants, vault: Vault) -> Tenancy:
    archives, hosts = settings.data.absolute() / "archives", own_hosts(settings)
    return Tenancy(db, vault, directory, TenantJournal(vault), archives, SystemClock(), hosts)


def _open_approvals(db: Database, journal: Journal, directory: Tenants, clock: Clock) -> FourEyes:
    return FourEyes(
        db=db,
        journal=journal,
        tenants=directory,
        rights=StaffRights(db, clock, permissions_of(all_rooms())),
        reserve=WalletReserve(),
        persons=Persons(db, directory),
        approvables=approvables_of(all_rooms()),
    )


def _open_mail(settings: Settings, db: Database, directory: Tenants, vault: Vault) -> Notify:
    return Notify(
        db=db,
        tenants=directory,
        vault=vault,
        letters=Letters(mails_of(all_rooms())),
        public_url=settings.url,
        smtp=settings.smtp_server,
        sender=settings.mail_from,
    )


def own_hosts(settings: Settings) -> Sequence[str]:
    """Return the deployment's own hosts, which no tenant may take for its players.

    One of them is that of its operators' passkeys, which a numeric address lends another name.
    """
    own, party = urlsplit(settings.url).hostname, party_at(settings.url)
    hosts = {own, None if party is None else party.rp_id}
    return [host for host in hosts if host is not None]


def master_key_of(settings: Settings) -> MasterKey:
    """Return the key that wraps all others; raises KeyUnusable."""
    if settings.master_key is not None:
        return MasterKey.from_text(settings.master_key.get_secret_value())
    return MasterKey.load_or_create(master_key_path(settings))
