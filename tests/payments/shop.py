"""A tenant that sells coins over real money, for tests: packs, players, books to be checked."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from tests.house import House
from tests.payments.scripted import Scripted
from tests.payments.turns import turn

from guildbank.identity import add_player
from guildbank.infra.egress import Egress
from guildbank.journal import Receipt
from guildbank.kernel import Refusal, SystemClock, TimedSeq, new_id
from guildbank.kernel.ids import epoch_ms
from guildbank.payments import PaymentHistories, PaymentRecord, Payments, Timing
from guildbank.payments.contracts.rows import Dossier, Intent, Refund
from guildbank.payments.contracts.sale import NOWHERE, Purchase, RefundCommand, Whence
from guildbank.payments.usecases.attempt import Asked
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.create import create_payment
from guildbank.payments.usecases.look import janitor
from guildbank.payments.usecases.read import read_payment
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.payments.usecases.refund import refund_payment
from guildbank.payments.usecases.retry import retry_payment
from guildbank.pipelines import Pipelines, Stages, Step, Wanted, publish, save_revision
from guildbank.plugin_api import EventKind, ProviderEvent
from guildbank.plugin_host import Plugins
from guildbank.store import Pack, PackDraft, PackFulfilment, Price, Store
from guildbank.store.contracts import PURPOSES
from guildbank.store.usecases.save_pack import save_pack
from guildbank.tenancy import TenantRef, TenantSettings, create_tenant
from guildbank.wallets import Currency
from guildbank.wallets.contracts import Reverse, Spend
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.reverse import ReverseAct
from guildbank.wallets.usecases.spend import SpendAct

_slugs = count(1)
SECRET = "shh-quiet"


class Ahead:
    """The machine's clock, moved ahead by what a test waits."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.by


BALANCES = """
SELECT owner, asset, bucket,
       (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_transfer WHERE credit = account.id)
       - (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_transfer WHERE debit = account.id)
       AS balance,
       credited - spent - clawed AS kept, floor
FROM ledger_account AS account
"""


class Shop:
    """One tenant with GEM, a pack of 500 + 50 coins for 4.99 EUR, and a scripted provider."""

    def __init__(self, house: House, tenant: TenantRef, payments: Payments, script: Scripted):
        self.house = house
        self.tenant = tenant
        self.payments = payments
        self.script = script
        self.store = Store(house.db, house.journal)
        assert isinstance(payments.clock, Ahead)
        self.clock = payments.clock
        self.pack = ""

    async def player(self) -> str:
        made = await add_player(self.house.identity, self.tenant, "app", new_id("user"))
        assert not isinstance(made, Refusal)
        return made[0].id

    async def save(self, **changes: Any) -> Pack:
        draft = PackDraft(
            name="Chest", currency="GEM", coins=500, bonus=50, prices=(Price(499, "EUR"),),
            active=True, starts_at=None, ends_at=None, limit_per_player=None, open_amount=None,
        )  # fmt: skip
        pack_id = changes.pop("pack_id", None)
        draft = msgspec.structs.replace(draft, **changes)
        pack = await save_pack(self.store, self.tenant, "app", draft, pack_id=pack_id)
        assert not isinstance(pack, Refusal), pack
        return pack

    def purchase(self, player: str, **changes: Any) -> Purchase:
        wanted = Purchase(
            player_id=player, product_id=self.pack, coins=None, money="EUR", country=None,
            provider="scripted", method=None, return_url=None,
        )  # fmt: skip
        return msgspec.structs.replace(wanted, **changes)

    async def try_buying(
        self, player: str, key: str | None = None, whence: Whence = NOWHERE, **changes: Any
    ) -> Intent | Refusal:
        bought = await create_payment(
            self.payments,
            self.tenant,
            "app",
            key or new_id("key"),
            self.purchase(player, **changes),
            whence=whence,
        )
        return bought if isinstance(bought, Refusal) else bought.intent

    async def buy(self, player: str, key: str | None = None, **changes: Any) -> Intent:
        intent = await self.try_buying(player, key, **changes)
        assert not isinstance(intent, Refusal), intent
        return intent

    async def retry(
        self, intent: Intent, key: str | None = None, whence: Whence = NOWHERE
    ) -> Intent | Refusal:
        asked = Asked("app", key or new_id("key"), whence)
        return await retry_payment(self.payments, self.tenant, intent.id, None, None, None, asked)

    async def dossier(self, intent: Intent) -> Dossier:
        found = await read_payment(self.payments, self.tenant, intent.id)
        assert found is not None
        return found

    async def state(self, intent: Intent) -> str:
        return (await self.dossier(intent)).intent.state.value

    async def rule(self, **rules: Any) -> None:
        """Give the currency these rules."""
        currency = Currency(code="GEM", name="Gems", **rules)
        act = SaveCurrencyAct("app", None, currency, create=False)
        assert isinstance(await self.house.journal.submit(self.tenant.schema, act), Receipt)

    async def expected(self, player: str) -> dict[str, int]:
        """Return the coins by bucket for which room is kept."""
        async with self.house.db.begin(self.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(
                "SELECT bucket, expected FROM ledger_account WHERE owner = $1 AND expected <> 0",
                player,
            )
        return {row["bucket"]: row["expected"] for row in rows}

    async def spend(self, player: str, amount: int) -> Receipt:
        act = SpendAct("app", new_id("key"), Spend(player, "GEM", amount), ())
        spent = await self.house.journal.submit(self.tenant.schema, act)
        assert isinstance(spent, Receipt), spent
        return spent

    async def reverse(self, player: str, spent: Receipt) -> None:
        """Put back what a spend took."""
        at = TimedSeq(spent.seq, epoch_ms(spent.at))
        act = ReverseAct(
            "app", new_id("key"), Reverse(transaction_id="txn", amount=None, player_id=player), at
        )
        undone = await self.house.journal.submit(self.tenant.schema, act)
        assert isinstance(undone, Receipt), undone

    async def refund(
        self,
        intent: Intent,
        minor: int | None = None,
        key: str | None = None,
        attempt: str | None = None,
    ) -> Refund | Refusal:
        command = RefundCommand(
            payment_id=intent.id, amount_minor=minor, money=None, reason="asked",
            attempt_id=attempt,
        )  # fmt: skip
        made = await refund_payment(
            self.payments, self.tenant, "app", key or new_id("key"), command
        )
        assert not isinstance(made, Receipt), "nothing asks for a second person here"
        return made

    async def refunded(
        self, intent: Intent, minor: int | None = None, attempt: str | None = None
    ) -> Refund:
        refund = await self.refund(intent, minor, attempt=attempt)
        assert not isinstance(refund, Refusal), refund
        return refund

    async def event(self, kind: EventKind, **said: Any) -> bool | Refusal:
        """Deliver a signed event and let its work finish."""
        provider = said.pop("provider", "scripted")
        event = ProviderEvent(
            external_id=said.pop("external_id", None) or new_id("evt"), kind=kind, **said
        )
        answer = await receive_webhook(
            self.payments, self.tenant.slug, provider, {"x-sign": SECRET},
            msgspec.json.encode(event),
        )  # fmt: skip
        await self.payments.drain()
        return answer

    async def later(self, **span: float) -> int:
        """Let time pass and the janitor work; return how often it looked."""
        self.clock.by += timedelta(**span)
        return await turn(janitor, self.payments, self.tenant)

    async def balances(self) -> dict[str, int]:
        """Return every account's balance by `owner/asset/bucket`; check the books first."""
        async with self.house.db.begin(self.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(BALANCES)
        sums: dict[str, int] = {}
        for row in rows:
            sums[row["asset"]] = sums.get(row["asset"], 0) + row["balance"]
            assert row["floor"] is None or row["kept"] == row["balance"]
        assert not any(sums.values()), sums
        return {
            f"{row['owner']}/{row['asset']}/{row['bucket']}": row["balance"]
            for row in rows
            if row["balance"]
        }

    async def left(self) -> dict[str, int]:
        """Return all but what the house ever issued, sold and took back: wallets and money."""
        return {
            name: n
            for name, n in (await self.balances()).items()
            if not name.startswith("house/GEM/")
        }

    async def coins(self, player: str) -> dict[str, int]:
        """Return the player's coins by bucket, those at zero left out."""
        found = await self.balances()
        return {name.rpartition("/")[2]: n for name, n in found.items() if name.startswith(player)}

    async def money(self, asset: str = "EUR") -> dict[str, int]:
        """Return the house's accounts of a money, those at zero left out."""
        start = f"house/{asset}/"
        return {
            name.removeprefix(start): n
            for name, n in (await self.balances()).items()
            if name.startswith(start)
        }

    async def publish(self, share: int = 100, **slots: list[tuple[str, str]]) -> int:
        """Save and publish steps by slot, each a name and a plugin; return the revision."""
        steps = {
            slot: tuple(Step(name, plugin) for name, plugin in given)
            for slot, given in slots.items()
        }
        return await self.publish_stages(msgspec.structs.replace(Stages(), **steps), share)

    async def publish_stages(self, stages: Stages, share: int = 100, purpose: str = "packs") -> int:
        """Save and publish a revision; return its number."""
        pipelines = self.payments.pipelines
        saved = await save_revision(pipelines, self.tenant, "app", purpose, stages)
        assert not isinstance(saved, Refusal), saved
        wanted = Wanted(purpose=purpose, number=saved.number, share=share)
        done = await publish(pipelines, self.tenant, "app", wanted)
        assert not isinstance(done, Refusal), done
        return saved.number

    async def kinds(self) -> list[str]:
        """Return the kinds of all entries about payments, in order."""
        async with self.house.db.begin(self.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(
                "SELECT kind FROM journal_entry WHERE kind LIKE 'payments.%' "
                "AND kind <> 'payments.provider_configured' ORDER BY seq"
            )
        return [row["kind"].removeprefix("payments.") for row in rows]


async def open_shop(
    house: House, *, spent_coins: str = "refuse", plugins: tuple[tuple[str, object], ...] = ()
) -> Shop:
    """Open a shop of its own tenant."""
    slug = f"shop-{next(_slugs)}"
    settings = msgspec.convert({"spent_coins": spent_coins}, TenantSettings)
    made = await create_tenant(house.tenancy, slug, slug, settings=settings)
    assert not isinstance(made, Refusal), made
    script = Scripted()
    found, egress, clock = Plugins([("scripted", script), *plugins]), Egress(private=True), Ahead()
    purposes = dict(PURPOSES)
    payments = Payments(
        db=house.db,
        journal=house.journal,
        tenants=house.tenancy.tenants,
        plugins=found,
        pipelines=Pipelines(
            house.db,
            house.journal,
            found,
            egress,
            house.four_eyes,
            house.tenancy.tenants,
            purposes,
            clock,
            PaymentHistories(house.db, clock),
        ),
        fulfilment=PackFulfilment(),
        url="http://127.0.0.1:9",
        four_eyes=house.four_eyes,
        egress=egress,
        clock=clock,
        timing=Timing(nudge=timedelta(0), patience_seconds=5),
    )
    payments.pipelines.record = PaymentRecord(payments)
    shop = Shop(house, made.ref, payments, script)
    gem = SaveCurrencyAct("app", None, Currency(code="GEM", name="Gems"), create=True)
    assert isinstance(await house.journal.submit(made.ref.schema, gem), Receipt)
    account = await configure_provider(
        payments, made.ref, "scripted", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(account, Refusal), account
    shop.pack = (await shop.save()).id
    return shop
