"""What a store sold twice under one payment's names is a payment of its own, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_disputes import OPENED, WITHDRAWN

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.store import PaymentFilter
from guildbank.payments.subscriptions import subscriptions_of
from guildbank.payments.usecases.adopt import adopt_purchase
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.read import list_payments
from guildbank.plugin_api import (
    Confirmation,
    Context,
    EventKind,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    Period,
)

BOUGHT = {"paid": 500, "bonus": 50}
TWICE = {name: 2 * coins for name, coins in BOUGHT.items()}


class Market(Scripted):
    """A store that says of each purchase what it is told to say."""

    def __init__(self) -> None:
        super().__init__(
            msgspec.structs.replace(MANIFEST, id="store", sold_by_store=True, confirmed_by="buyer")
        )
        self.sold: dict[str, Outcome] = {}

    async def confirm(self, _context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        unknown = NotConfirmed(code="unknown_purchase", detail="There is none.")
        return self.sold.get(given.data["transaction"], unknown)


class Fair:
    """A shop at the market, and a player who bought once."""

    def __init__(self, shop: Shop, market: Market) -> None:
        self.shop, self.market = shop, market
        self.player = ""

    async def buy(self) -> tuple[Intent, Attempt]:
        self.player = await self.shop.player()
        self.market.on_create = processed(499, reference="first")
        bought = await self.shop.buy(self.player, provider="store")
        dossier = await self.shop.dossier(bought)
        return dossier.intent, dossier.attempts[0]

    async def adopt(self, sold_under: Attempt, purchase: str = "second") -> object:
        adopted = await adopt_purchase(self.shop.payments, self.shop.tenant, sold_under, purchase)
        await self.shop.payments.drain()
        return adopted

    async def payments(self) -> list[Intent]:
        wanted = PaymentFilter(player_id=self.player)
        return await list_payments(self.shop.payments, self.shop.tenant, wanted, None, 10)

    async def is_proven(self) -> bool:
        return (await prove(self.shop.house.db, self.shop.tenant.schema)).ok


@pytest.fixture
async def fair(house: House) -> AsyncIterator[Fair]:
    market = Market()
    shop = await open_shop(house, spent_coins="debt", plugins=(("store", market),))
    settings = {"secret": SECRET}
    made = await configure_provider(shop.payments, shop.tenant, "store", settings, enabled=True)
    assert not isinstance(made, Refusal), made
    yield Fair(shop, market)
    await shop.payments.close()


async def test_it_is_credited_at_the_store_s_price(fair: Fair):
    first, attempt = await fair.buy()
    fair.market.sold["second"] = processed(700, "JPY", reference="second")
    assert isinstance(await fair.adopt(attempt), Receipt)
    newest, oldest = await fair.payments()
    assert oldest.id == first.id
    assert (newest.state, newest.amount_minor, newest.money) == ("credited", 700, "JPY")
    assert newest.product_id == first.product_id
    assert await fair.shop.coins(fair.player) == TWICE
    assert await fair.is_proven()


async def test_however_many_tell_of_it_it_is_one(fair: Fair):
    _, attempt = await fair.buy()
    fair.market.sold["second"] = processed(499, reference="second")
    said = await asyncio.gather(*(fair.adopt(attempt) for _ in range(8)))
    assert len({one.seq for one in said if isinstance(one, Receipt)}) == 1
    assert await fair.adopt(attempt) == await fair.adopt(attempt)
    assert len(await fair.payments()) == 2
    assert await fair.shop.coins(fair.player) == TWICE
    assert await fair.is_proven()


async def test_the_first_by_another_name_is_no_second(fair: Fair):
    _, attempt = await fair.buy()
    fair.market.sold["token of the first"] = processed(499, reference="first")
    said = await fair.adopt(attempt, "token of the first")
    assert isinstance(said, Refusal)
    assert said.code == "no_change"
    assert len(await fair.payments()) == 1


async def test_what_is_for_something_else_is_booked_aside(fair: Fair):
    _, attempt = await fair.buy()
    other = processed(499, reference="second")
    fair.market.sold["second"] = msgspec.structs.replace(other, conflict="product_differs")
    assert isinstance(await fair.adopt(attempt), Receipt)
    newest, _ = await fair.payments()
    assert newest.state == "conflicted"
    assert await fair.shop.coins(fair.player) == BOUGHT
    assert await fair.is_proven()


@pytest.mark.parametrize("told_by", ["events", "the app"])
async def test_two_purchases_that_are_told_of_at_once_before_any_is_booked_are_both_booked(
    fair: Fair, told_by: str
):
    fair.player = await fair.shop.player()
    fair.market.on_create = Outcome(status=OutcomeStatus.PENDING, reference="token")
    intent = await fair.shop.buy(fair.player, provider="store")
    (attempt,) = (await fair.shop.dossier(intent)).attempts
    names = [f"purchase {number}" for number in range(4)]
    fair.market.sold = {name: processed(499, reference=name) for name in names}
    if told_by == "events":
        said = {"provider": "store", "attempt_id": attempt.id}
        telling = [
            fair.shop.event(EventKind.PAYMENT, payment_reference=name, **said) for name in names
        ]
        await asyncio.gather(*telling)
    else:
        who = Confirming(fair.player, "buyer")
        commands = [
            ConfirmCommand(payment_id=intent.id, attempt_id=None, data={"transaction": name})
            for name in names
        ]
        parts = (fair.shop.payments, fair.shop.tenant, who)
        await asyncio.gather(*(confirm_payment(*parts, new_id("key"), one) for one in commands))
    assert [one.state for one in await fair.payments()] == ["credited"] * 4
    assert await fair.shop.coins(fair.player) == {one: 4 * coins for one, coins in BOUGHT.items()}
    assert await fair.is_proven()


MONTH = timedelta(days=30)
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


async def test_a_period_of_a_subscription_is_of_the_payment_it_is_paid_by(fair: Fair):
    first, attempt = await fair.buy()
    pack = first.product_id
    for number, (pays, product) in enumerate([(True, pack), (False, pack), (True, "other")]):
        name, began = f"period {number}", BEGAN + MONTH * number
        period = Period(
            subscription="sub", began_at=began, ends_at=began + MONTH, product_id=product,
            credits=pays,
        )  # fmt: skip
        sold = processed(499 if pays else 0, reference=name)
        fair.market.sold[name] = msgspec.structs.replace(sold, period=period)
        await fair.adopt(attempt, name)
    unsold, credited, _ = await fair.payments()
    assert (unsold.state, credited.state) == ("conflicted", "credited")
    assert await fair.shop.coins(fair.player) == TWICE
    async with fair.shop.house.db.begin(fair.shop.tenant.schema, read_only=True) as tx:
        (known,) = await subscriptions_of(tx.driver, fair.player)
    assert (known.payment_id, known.began_at) == (credited.id, BEGAN)
    assert await fair.is_proven()


async def test_a_reviewer_s_renewal_is_credited_as_a_test_with_no_money_behind_it(fair: Fair):
    first, attempt = await fair.buy()
    before = await fair.shop.money()
    period = Period(
        subscription="sub", began_at=BEGAN, ends_at=BEGAN + MONTH, product_id=first.product_id
    )
    fair.market.sold["second"] = msgspec.structs.replace(
        processed(0, reference="second"), is_test=True, period=period
    )
    assert isinstance(await fair.adopt(attempt, "second"), Receipt)
    newest, _ = await fair.payments()
    (paid,) = (await fair.shop.dossier(newest)).attempts
    assert (newest.state, paid.code, paid.captured_minor) == ("credited", "test_purchase", 0)
    assert await fair.shop.coins(fair.player) == TWICE
    assert await fair.shop.money() == before
    assert await fair.is_proven()


@pytest.mark.parametrize(
    "changes",
    [{"subscription": ""}, {"subscription": "x" * 256}, {"began_at": datetime(2026, 11, 1)}],
    ids=["nameless", "long", "dateless"],
)
async def test_a_period_that_cannot_be_kept_is_not_believed(fair: Fair, changes: dict[str, Any]):
    first, attempt = await fair.buy()
    period = Period(
        subscription="sub", began_at=BEGAN, ends_at=BEGAN + MONTH, product_id=first.product_id
    )
    bad = msgspec.structs.replace(period, **changes)
    sold = processed(499, reference="second")
    fair.market.sold["second"] = msgspec.structs.replace(sold, period=bad)
    said = await fair.adopt(attempt)
    assert isinstance(said, Refusal)
    assert said.code == "provider_silent"
    assert await fair.shop.coins(fair.player) == BOUGHT


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (None, "provider_silent"),
        (Outcome(status=OutcomeStatus.PENDING, reference="second"), "provider_silent"),
        (Outcome(status=OutcomeStatus.DECLINED, code="revoked"), "no_change"),
    ],
    ids=["unknown", "pending", "revoked"],
)
async def test_what_is_not_paid_is_no_payment(fair: Fair, says: Outcome | None, code: str):
    _, attempt = await fair.buy()
    if says is not None:
        fair.market.sold["second"] = says
    said = await fair.adopt(attempt)
    assert isinstance(said, Refusal)
    assert said.code == code
    assert len(await fair.payments()) == 1
    assert await fair.shop.coins(fair.player) == BOUGHT


async def test_a_further_purchase_has_no_part_in_disputes_of_the_first(fair: Fair):
    first, _ = await fair.buy()
    for kind, dispute in ((OPENED, "dp_1"), (OPENED, "dp_2"), (WITHDRAWN, "dp_2")):
        await fair.shop.event(
            kind, provider="store", payment_reference="first", dispute_reference=dispute,
            amount_minor=100, currency="EUR",
        )  # fmt: skip
    attempt = (await fair.shop.dossier(first)).attempts[0]
    assert (attempt.aside_minor, attempt.undecided_minor) == (100, 100)
    fair.market.sold["second"] = processed(499, reference="second")
    assert isinstance(await fair.adopt(attempt), Receipt)
    newest, _ = await fair.payments()
    adopted = (await fair.shop.dossier(newest)).attempts[0]
    assert (adopted.aside_minor, adopted.undecided_minor, adopted.left_minor) == (0, 0, 499)
    assert await fair.is_proven()
