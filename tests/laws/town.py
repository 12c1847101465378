"""The real system that the simulation drives: tenants on a database, two workers, one clock."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from tests.house import House, open_house
from tests.laws.bank import BANK, LEVY, Bank, Levy, Shop
from tests.laws.commands import Command
from tests.laws.desk import TERMS
from tests.laws.purchases import Deed, PaymentCommand, Till
from tests.laws.smithy import MAKE, Smithy
from tests.laws.till import MONEY
from tests.laws.world import PRINCIPAL, World
from tests.spares import give_back

from guildbank.app.rooms import all_rooms, permissions_of
from guildbank.identity import StaffRights, add_player, create_operator
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.egress import Egress
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Journal, Receipt, Rows, Sealed, store
from guildbank.journal.contracts import Entry, Head
from guildbank.journal.reading import read_entries
from guildbank.kernel import Refusal, new_id
from guildbank.payments import Payments
from guildbank.payments.contracts.payouts import PayoutTerms
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.pipelines import Pipelines, Stages, Step, Wanted, publish, save_revision
from guildbank.plugin_host import Plugins
from guildbank.tenancy import TenantSettings, create_tenant
from guildbank.tenancy.contracts import SpentCoins
from guildbank.wallets import BarWallets, Currency, SpendLimit
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.operate import Request, prepare

T = TypeVar("T")

MORNING = datetime(2031, 5, 4, 9, 0, tzinfo=UTC)
CURRENCIES = (
    Currency(code="GEM", name="Gems"),
    Currency(code="ORE", name="Ore", order=("paid", "bonus", "free"), ceiling=40),
)
PLAYERS = 2
PASSWORD = "seven kites over harbour"
ADD_KEY = """
INSERT INTO identity_key (id, application, tenant_id, kind, name, hash, prefix, scopes)
VALUES ($1, $2, $3, 'secret', 'laws', $4, 'sk_', $5)
"""


class Town:
    """One database for many runs, on an event loop of its own. Time stands still until told."""

    def __init__(self, url: str, folder: Path) -> None:
        self.now = MORNING
        self._reported = False
        self._loop = asyncio.new_event_loop()
        self._opened = open_house(url, folder, (BarWallets(),), all_rooms())
        self.house: House = self.run(self._opened.__aenter__())
        house = self.house
        # Two journals over one database are two workers: their batches compete for the lock.
        self._second = Journal(house.db)
        rights = StaffRights(house.db, house.clock, permissions_of(all_rooms()))
        self.eyes = [
            replace(house.four_eyes, journal=journal, rights=rights)
            for journal in (house.journal, self._second)
        ]
        self.workers = [
            Wallets(house.db, eyes.journal, house.identity.persons, (SpendLimit(),), eyes)
            for eyes in self.eyes
        ]
        self.identities = [house.identity, house.another(self._second)]
        self.bank = Bank()
        plugins, egress = Plugins([(BANK, self.bank), (LEVY, Levy())]), Egress()
        self.tills = [
            Payments(
                house.db, one.journal, house.identity.tenants, plugins,
                Pipelines(
                    house.db, one.journal, plugins, egress, one.four_eyes,
                    house.identity.tenants, {"packs": "Packs."},
                    house.clock,
                ),
                Shop(), "http://127.0.0.1:8080", one.four_eyes, egress, house.clock,
            )
            for one in self.workers
        ]  # fmt: skip
        self.run(self._open_smithy())
        self._numbers = count(1)

    async def _open_smithy(self) -> None:
        async with self.house.db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute(MAKE)
        for till in self.tills:
            till.items = Smithy()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        """Close the connections and the loop."""
        self.run(self._second.close())
        self.run(self.identities[1].close())
        self.run(self._opened.__aexit__(None, None, None))
        self._loop.close()

    def report(self, history: Sequence[str], wrong: Exception) -> None:
        """Print the first history that went wrong: it may have been a race, and never come back."""
        if not self._reported:
            self._reported = True
            print(*history, f"the first failure: {wrong}", sep="\n")

    def tick(self, now: datetime) -> None:
        """Let it be that time, for the journal and for everybody."""
        self.now = now
        self.house.clock.advance(now - self.house.clock.now())

    async def tenant(self, policy: SpentCoins) -> "Tenant":
        """Make a tenant with currencies and players, and what the model knows of it."""
        # The history before this one is over.
        give_back()
        self.tick(MORNING)
        slug, settings = f"laws{next(self._numbers)}", TenantSettings(spent_coins=policy)
        made_tenant = await create_tenant(self.house.tenancy, slug, slug, settings=settings)
        assert not isinstance(made_tenant, Refusal), made_tenant
        ref = made_tenant.ref
        opened = await configure_provider(self.tills[0], ref, BANK, {}, enabled=True)
        assert not isinstance(opened, Refusal), opened
        saved = await save_revision(
            self.tills[0].pipelines, ref, PRINCIPAL, "packs", Stages(charges=(Step(LEVY, LEVY),))
        )
        assert not isinstance(saved, Refusal), saved
        wanted = Wanted(purpose="packs", number=saved.number)
        published = await publish(self.tills[0].pipelines, ref, PRINCIPAL, wanted)
        assert not isinstance(published, Refusal), published
        for currency in CURRENCIES:
            act = SaveCurrencyAct(PRINCIPAL, None, currency, create=True)
            made = await self.workers[0].journal.submit(ref.schema, act)
            assert isinstance(made, Receipt), made
        players = []
        for number in range(PLAYERS):
            added = await add_player(self.house.identity, ref, PRINCIPAL, f"player{number}")
            assert not isinstance(added, Refusal), added
            players.append(added[0].id)
        world = World(
            {one.code: one for one in CURRENCIES}, players, [new_id("player")], policy=policy
        )
        world.tick(self.now)
        tenant = Tenant(self, ref, world)
        for entry in await tenant.new_entries():
            world.note(entry.seq, entry.at)
        return tenant

    async def pay_out(self, tenant: "Tenant") -> None:
        """Say how coins of the tenant become money."""
        for code, one in TERMS.items():
            terms = PayoutTerms(
                currency=code, is_open=True, money=MONEY, amount_minor=one.minor,
                per_coins=one.per, least_coins=one.least, most_coins=one.most,
                window_days=one.window.days, buckets=one.buckets,
                review_above_minor=one.review_above,
            )  # fmt: skip
            done = await set_payout_terms(self.tills[0], tenant.ref, PRINCIPAL, terms)
            assert isinstance(done, Receipt), done
        for entry in await tenant.new_entries():
            tenant.world.note(entry.seq, entry.at)

    async def staff(self, tenant: "Tenant", number: int) -> None:
        """Give the tenant operators who may do everything, and its game server a key."""
        identity, world = self.house.identity, tenant.world
        plane = await identity.staff.plane(tenant.ref)
        for name in range(number):
            made = await create_operator(
                identity, plane, f"op{name}@laws.example", f"Op {name}", ["owner"], PASSWORD
            )
            assert not isinstance(made, Refusal), made
            world.eyes.people.append(made.id)
        async with self.house.db.begin(CONTROL_SCHEMA) as tx:
            scopes = [one for one in permissions_of(all_rooms()).tenant if one.startswith("w")]
            await tx.driver.execute(
                ADD_KEY, new_id("key"), PRINCIPAL, tenant.ref.id, secrets.token_bytes(32), scopes
            )
        world.actors.extend(world.eyes.people)
        for entry in await tenant.new_entries():
            world.note(entry.seq, entry.at)


@dataclass
class Paid:
    """A command of payments that was sent, with its key."""

    command: PaymentCommand
    key: str


@dataclass
class Sent:
    """A command that was sent with a key, and the receipt that it got."""

    command: Command
    key: str
    receipt: Receipt


@dataclass
class Tenant:
    """One run: the real tenant, the model's world beside it, and what was accepted so far."""

    town: Town
    ref: TenantRef
    world: World
    sent: list[Sent] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    kept: list[Sealed] = field(default_factory=list)

    async def act(self, command: Command, key: str | None) -> Act | Refusal:
        """Return the act of a command."""
        principal = command.principal(self.world)
        act = command.act(self.world, principal)
        if act is not None:
            return act
        request = Request(command.operation(self.world), key, command.payload)
        return await prepare(self.town.workers[0], self.ref, principal, request)

    async def send(self, command: Command, key: str | None, worker: int = 0) -> Receipt | Refusal:
        """Send one command through one of the workers."""
        act = await self.act(command, key)
        if isinstance(act, Refusal):
            return act
        journal = self.town.workers[worker % len(self.town.workers)].journal
        return await journal.submit(self.ref.schema, act)

    async def do(self, deed: Deed, key: str, worker: int = 0) -> Refusal | None:
        """Do one deed through one of the workers."""
        town = self.town
        till = Till(
            town.tills[worker], town.identities[worker], self.ref, town.bank, PRINCIPAL, self.kept,
            town.workers[worker], town.eyes[worker], self.world.eyes.people,
        )  # fmt: skip
        return await deed.send(till, key)

    async def new_entries(self) -> list[Entry]:
        """Return the entries that the model has not heard of yet."""
        async with self.town.house.db.begin(self.ref.schema, read_only=True) as tx:
            return await read_entries(tx.driver, self.world.last, 1_000)

    async def send_all(self, commands: Sequence[tuple[Command, str]]) -> list[Receipt | Refusal]:
        """Send commands that stand or fall together."""
        acts: list[Act] = []
        for command, key in commands:
            act = await self.act(command, key)
            if isinstance(act, Refusal):
                return [act]
            acts.append(act)
        return await self.town.workers[0].journal.submit_all(self.ref.schema, acts)


def facts_of(receipt: Receipt) -> dict[str, object]:
    """The facts of an entry as plain values; what buckets gave or got as a mapping."""
    facts: dict[str, Any] = msgspec.json.decode(receipt.data)
    facts["taken"] = dict(facts.get("taken", ()))
    facts.setdefault("debt", 0)
    return facts


@contextmanager
def still_time(town: Town, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the journal go by the town's clock instead of the database's, so that seeds replay."""
    read_head = store.read_head

    def read_head_at(rows: Rows) -> tuple[datetime, Head]:
        _, head = read_head(rows)
        return max(town.now, head.at), head

    with patch.context() as context:
        context.setattr(store, "read_head", read_head_at)
        yield


def later(now: datetime, seconds: int) -> datetime:
    """A moment so many seconds on."""
    return now + timedelta(seconds=seconds)
