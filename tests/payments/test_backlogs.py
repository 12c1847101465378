"""An operator sees what waits in payments, summed over the tenants, at a bounded cost."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from tests.house import House
from tests.payments.bank import Bank
from tests.payments.reckoning import reconciled
from tests.payments.scripted import DECLINED, Lost, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_callbacks import Listener
from tests.payments.wishes import ask, reject

from guildbank.infra import backlogs as engine
from guildbank.infra.backlogs import Backlogs
from guildbank.infra.database import Database
from guildbank.infra.metrics import Metrics
from guildbank.journal import pump
from guildbank.kernel import new_id
from guildbank.payments.backlogs import BACKLOGS
from guildbank.payments.inbox import insert_webhook
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.answer_dispute import answer_dispute
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.read_reconciliations import count_differences
from guildbank.payments.usecases.read_requests import overdue_requests
from guildbank.plugin_api import (
    DisputeStand,
    DisputeStatus,
    EventKind,
    ProviderEvent,
    Settlement,
    SettlementKind,
)
from guildbank.tenancy import TenantRef, suspend_tenant

AGE = "guildbank_backlogs_age_seconds"


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FRESH_SECONDS", 0.0)


class Board:
    """The page of a process whose deployment has these tenants only."""

    def __init__(self, db: Database, *tenants: TenantRef) -> None:
        self.tenants: Sequence[TenantRef] = tenants
        self.metrics = Metrics()
        self.metrics.look_up(Backlogs(db, self._all, BACKLOGS))

    async def reads(self) -> dict[str, float]:
        page = (await self.metrics.fresh_page()).decode()
        lines = [line.split() for line in page.splitlines() if not line.startswith("#")]
        return {name.removeprefix("guildbank_payments_"): float(value) for name, value in lines
                if name.startswith(("guildbank_payments_", AGE))}  # fmt: skip

    async def _all(self) -> Sequence[TenantRef]:
        return self.tenants


async def waiting(board: Board) -> dict[str, float]:
    """Return the gauges above zero."""
    return {name: count for name, count in (await board.reads()).items() if count and name != AGE}


async def test_attempts_that_nobody_knows_about_are_counted_until_somebody_does(shop: Shop):
    board = Board(shop.house.db, shop.tenant)
    assert await waiting(board) == {}
    assert len(await board.reads()) == len(BACKLOGS) + 1
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    assert await waiting(board) == {"attempts_unknown": 1}
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference="pi_found")
    assert await shop.later(minutes=1) == 1
    assert await waiting(board) == {}


async def test_money_that_bought_nothing_is_counted_until_it_is_back(shop: Shop):
    board = Board(shop.house.db, shop.tenant)
    shop.script.on_create = processed(498)
    shop.script.on_refund = DECLINED
    intent = await shop.buy(await shop.player())
    await shop.payments.drain()
    assert await waiting(board) == {"attempts_unapplied": 1}
    shop.script.on_refund = None
    await shop.refunded(intent)
    assert await waiting(board) == {}


async def test_players_who_wait_for_an_answer_are_counted_and_those_who_wait_too_long(shop: Shop):
    board = Board(shop.house.db, shop.tenant)
    asked = await ask(shop, await shop.buy(await shop.player()))
    assert await waiting(board) == {"refund_requests_open": 1}
    assert await overdue_requests(shop.payments, shop.tenant) == 0
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE payments_refund_request SET created_at = created_at - INTERVAL '73 hours'"
        )
    assert await waiting(board) == {"refund_requests_open": 1, "refund_requests_overdue": 1}
    assert await overdue_requests(shop.payments, shop.tenant) == 1
    await reject(shop, asked)
    assert await waiting(board) == {}
    assert await overdue_requests(shop.payments, shop.tenant) == 0


async def test_what_providers_report_and_the_books_do_not_say_is_counted_for_a_week(shop: Shop):
    board = Board(shop.house.db, shop.tenant)
    intent = await shop.buy(await shop.player())
    told = Settlement(
        transaction="txn_1", kind=SettlementKind.CAPTURE, at=shop.clock.now(), currency="EUR",
        gross_minor=499, fee_minor=0, net_minor=499, reference=f"pi_{intent.attempt_id}",
    )  # fmt: skip
    stray = msgspec.structs.replace(told, transaction="txn_2", reference="pi_of_another_shop")
    shop.script.settled = [told, stray]
    await reconciled(shop)
    assert await waiting(board) == {"reconciliation_differences": 1}
    assert await count_differences(shop.payments, shop.tenant) == 1
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE payments_reconciliation SET until = until - INTERVAL '8 days'"
        )
    assert await waiting(board) == {}
    assert await count_differences(shop.payments, shop.tenant) == 0


async def test_disputes_that_wait_for_an_answer_are_counted_and_those_that_are_due_soon(
    house: House,
):
    bank = Bank()
    shop = await open_shop(house, spent_coins="debt", plugins=(("bank", bank),))
    board = Board(shop.house.db, shop.tenant)
    await configure_provider(shop.payments, shop.tenant, "bank", {"secret": SECRET}, enabled=True)
    intent = await shop.buy(await shop.player(), provider="bank")
    (attempt,) = (await shop.dossier(intent)).attempts

    async def due_in(**span: float) -> None:
        bank.cases["dp_1"] = DisputeStand(
            reference="dp_1", status=DisputeStatus.NEEDS_RESPONSE,
            answer_by=shop.clock.now() + timedelta(**span),
        )  # fmt: skip
        await shop.event(
            EventKind.DISPUTE_UPDATED, provider="bank", payment_reference=attempt.reference,
            dispute_reference="dp_1", amount_minor=499, currency="EUR",
        )  # fmt: skip

    await due_in(hours=80)
    assert await waiting(board) == {"disputes_to_answer": 1}
    await due_in(hours=70)
    assert await waiting(board) == {"disputes_to_answer": 1, "disputes_due": 1}
    (dispute,) = (await shop.dossier(intent)).disputes
    texts = {"product_description": "500 gems"}
    await answer_dispute(shop.payments, shop.tenant, "op_olga", "key", dispute.id, texts)
    assert await waiting(board) == {}
    await shop.payments.drain()


async def test_webhooks_are_counted_until_they_are_worked_on(shop: Shop):
    board = Board(shop.house.db, shop.tenant)
    event = ProviderEvent(external_id="evt_1", kind=EventKind.PAYMENT, attempt_id=new_id("att"))
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await insert_webhook(tx.driver, new_id("wh"), "scripted", event, {}, shop.clock.now())
    assert await waiting(board) == {"webhooks_waiting": 1}
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("UPDATE payments_webhook SET processed_at = received_at")
    assert await waiting(board) == {}


async def test_callbacks_are_counted_until_they_are_told(house: House):
    shop = await open_shop(house, plugins=(("listener", Listener()),))
    await shop.publish(callbacks=[("tell-all", "listener")])
    board = Board(house.db, shop.tenant)
    outbox = CallbackOutbox(shop.payments)
    await pump(house.db, shop.tenant.schema, [outbox])
    await shop.buy(await shop.player())
    await pump(house.db, shop.tenant.schema, [outbox])
    assert await waiting(board) == {"callbacks_waiting": 3}
    await deliver_callbacks(shop.payments, shop.tenant)
    assert await waiting(board) == {}


async def test_tenants_are_summed_and_a_suspended_one_is_left_out(house: House):
    shops = [await open_shop(house) for _ in range(2)]
    for shop in shops:
        shop.script.on_create = Lost()
        await shop.buy(await shop.player())
    board = Board(house.db, *(shop.tenant for shop in shops))
    assert await waiting(board) == {"attempts_unknown": 2}
    await suspend_tenant(house.tenancy, shops[0].tenant.slug)
    board.tenants = [one for one in await house.tenancy.tenants.all() if one.slug in
                     {shop.tenant.slug for shop in shops}]  # fmt: skip
    assert await waiting(board) == {"attempts_unknown": 1}


async def test_a_page_does_not_wait_for_a_database_that_is_away(shop: Shop):
    shop.script.on_create = Lost()
    await shop.buy(await shop.player())
    db = Database(shop.house.url, pool_size=1)
    board = Board(db, shop.tenant)
    before = await board.reads()
    async with db.connect(), asyncio.timeout(engine.MOST_SECONDS + 2):
        away = await board.reads()
    await db.close()
    # The last figures stay, and their age says that they are old.
    assert away["attempts_unknown"] == before["attempts_unknown"] == 1
    assert away[AGE] > before[AGE] + engine.MOST_SECONDS / 2


async def test_asking_often_asks_the_database_once(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "FRESH_SECONDS", 60.0)
    board = Board(shop.house.db, shop.tenant)
    assert await waiting(board) == {}
    shop.script.on_create = Lost()
    await shop.buy(await shop.player())
    assert await waiting(board) == {}
