"""The verbs of payments, one a file, and the parts that they work with."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from guildbank.approvals import FourEyes
from guildbank.identity import Identity, Persons
from guildbank.infra.address_countries import AddressCountries
from guildbank.infra.database import Database
from guildbank.infra.egress import Egress
from guildbank.infra.error_rate import ErrorRates, Rule
from guildbank.infra.limits import Store
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Journal, Looks, Need, Recorder, RowLock, Stage
from guildbank.kernel import Clock, SystemClock
from guildbank.payments.archive import Archive
from guildbank.payments.contracts.items import Items
from guildbank.payments.contracts.rows import PAYMENTS_ORDER
from guildbank.payments.contracts.sale import Fulfilment
from guildbank.payments.guesses import Guesses
from guildbank.payments.store import INTENTS
from guildbank.pipelines import Pipelines
from guildbank.plugin_host import Plugins
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timing:
    """When things are looked at again, and how long they may take."""

    unknown: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
        *(timedelta(days=1),) * 5,
    )
    """Pauses between looks at what is unknown; after the last one a person has to look."""
    pending: tuple[timedelta, ...] = (timedelta(hours=1),) * 24 + (timedelta(days=1),)
    """Pauses between looks at what is pending; the last one repeats."""
    nudge: timedelta = timedelta(seconds=3)
    """A read of a payment looks again at most this often."""
    lease: timedelta = timedelta(seconds=90)
    """How long one look or webhook keeps others away."""
    lifetime: timedelta = timedelta(hours=24)
    """How long a payment may take."""
    resend: timedelta = timedelta(hours=20)
    """How long a refund may be sent again under its key; providers keep keys for 24 h."""
    payout_returns: timedelta = timedelta(days=30)
    """How long after it was paid a provider is asked whether a payout came back."""
    finish: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
    )
    """Pauses between tries to tell a store what is credited; the last one repeats."""
    keeping: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(days=1),
    )
    """Pauses between asking a provider to name or let go of what it keeps; the last one repeats."""
    renewal_late: timedelta = timedelta(minutes=15)
    """How long after a subscription's period ended its store is asked, if it did not tell."""
    renewal_again: timedelta = timedelta(hours=6)
    """How often it is asked while nobody paid for the next period."""
    renewal_within: timedelta = timedelta(days=7)
    """How often it is asked at least."""
    renewal_ended: timedelta = timedelta(days=90)
    """How long after a subscription ended it is asked whether the player took it up again."""
    webhook: tuple[timedelta, ...] = (
        timedelta(seconds=1),
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
    )
    """Pauses between tries of a webhook that came too early; the last one repeats."""
    webhook_gives_up: timedelta = timedelta(days=7)
    callback: tuple[timedelta, ...] = (
        timedelta(seconds=1),
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
    )
    """Pauses between tries of what a callback step is told; after the last try it is disabled."""
    told_kept: timedelta = timedelta(days=90)
    """How long it is kept that a callback step was told."""
    settling: timedelta = timedelta(days=3)
    """How long a provider may take to report what it captured."""
    daily_patience: timedelta = timedelta(hours=6)
    """How long after its hour a day may take to be reconciled before it is told of."""
    unapplied_ages: timedelta = timedelta(hours=24)
    """After so long, money that bought nothing and is not given back is an alarm."""
    request_ages: timedelta = timedelta(hours=72)
    """After so long, a player's request for a refund that nobody decided on is told of."""
    dispute_open: tuple[timedelta, ...] = (timedelta(days=1),)
    """Pauses between asking a provider how an open dispute stands; the last one repeats."""
    dispute_decided: tuple[timedelta, ...] = (
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(days=1),
    )
    """Pauses between asking where the money of one is that is decided; the last one repeats."""
    dispute_untaken: timedelta = timedelta(days=7)
    """After so long, coins of a lost dispute whose company took no money are given back."""
    dispute_gives_up: timedelta = timedelta(days=90)
    """How long after it was decided a dispute is asked about whose money did not move."""
    dispute_warns: timedelta = timedelta(hours=72)
    """So long before its time is over, a dispute that nobody answered is told of."""
    patience_seconds: float = 12
    """How long a request waits for a provider; the work goes on without it."""


@dataclass(slots=True)
class Payments:
    """What the verbs need; the app makes one for each process. `url` is the server's own."""

    db: Database
    journal: Journal
    tenants: Tenants
    plugins: Plugins
    pipelines: Pipelines
    fulfilment: Fulfilment
    url: str
    four_eyes: FourEyes
    egress: Egress
    clock: Clock = field(default_factory=SystemClock)
    timing: Timing = field(default_factory=Timing)
    rates: ErrorRates = field(default_factory=lambda: ErrorRates(Rule(errors=20)))
    """By a tenant's schema and a provider: where too many requests get no answer that can be used,
    no new payment is begun for a while. Refunds, looks and webhooks go on."""
    counters: Store | None = None
    """Where guesses are counted; without it in the database."""
    guesses: Guesses = field(init=False)
    opened: set[tuple[str, str]] = field(default_factory=set)
    """Moneys by tenant whose accounts are known to be there: none is ever taken away."""
    items: Items | None = None
    """What was bought for coins and can be taken back; None where nothing can."""
    address_countries: AddressCountries = field(default_factory=AddressCountries)
    """Which country an address is in, by the deployment's file."""
    identity: Identity | None = None
    """Who knows players' addresses and languages; without it no player is written to."""
    persons: Persons = field(init=False)
    archive: Archive = field(init=False)
    looks: Looks = field(init=False)
    """What purchases go by before their first commit."""
    _running: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.looks = Looks(self.db)
        self.persons = Persons(self.db, self.tenants)
        self.guesses = Guesses(self.counters or PostgresStore(self.db), self.tenants)
        self.archive = Archive(self.db, self.tenants, self.persons, self.clock, self.start)

    async def recorder(self, tenant: TenantRef) -> Recorder:
        """Return what records changes beside payments; not for the inside of a transaction."""
        return Recorder(tenant.schema, await self.tenants.sealer(tenant))

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work that outlives its request: a provider's answer must not be lost."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def wait(self, task: asyncio.Task[T]) -> T | None:
        """Return what the task returns, or None when it takes longer than a request may."""
        done, _ = await asyncio.wait({task}, timeout=self.timing.patience_seconds)
        return task.result() if done else None

    async def drain(self) -> None:
        """Wait for all work that was begun."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self) -> None:
        """Finish what was begun, and let go of the connections to providers."""
        await self.drain()
        await self.plugins.close()
        await self.egress.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("payment_work_failed", error=repr(error))


class PaymentAct(Act):
    """An act on one payment: it locks the payment's row and loads it."""

    __slots__ = ("payment_id",)

    def __init__(
        self, payment_id: str, principal: str, key: str | None = None, command: object = None
    ) -> None:
        super().__init__(principal, key, command)
        self.payment_id = payment_id

    @property
    def locks(self) -> tuple[RowLock, ...]:
        """Return the payment's row."""
        return (RowLock(PAYMENTS_ORDER, "payments_intent", self.payment_id),)

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment."""
        return [(INTENTS, self.payment_id)]


def provider_principal(provider: str) -> str:
    """Return who did what a provider reports."""
    return f"provider:{provider}"


__all__ = ["PaymentAct", "Payments", "TenantRef", "Timing", "provider_principal"]
