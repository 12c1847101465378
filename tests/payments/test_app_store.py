"""Purchases in Apple's App Store, played by the lab: told of, booked once, forged, given back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import msgspec
import pytest
from tests.house import House
from tests.payments.apple_till import PRODUCT, AppleTill
from tests.payments.shop import open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id, uuid_of
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_appstore.plugin import AppStoreProvider

BOUGHT = {"paid": 500, "bonus": 50}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[AppleTill]:
    """A shop that hears of nothing but what the app and the history tell."""
    shop = await open_shop(
        house, spent_coins="debt", plugins=(("app_store", AppStoreProvider(timeout_seconds=2)),)
    )
    products = [{"pack": shop.pack, "product": PRODUCT}]
    settings = await asyncio.to_thread(lab.open_apple, None, products)
    made = await configure_provider(shop.payments, shop.tenant, "app_store", settings, enabled=True)
    assert not isinstance(made, Refusal), made
    yield AppleTill(shop, lab, settings)
    await shop.payments.close()


@pytest.fixture
async def hearing(house: House, lab: LabServer) -> AsyncIterator[AppleTill]:
    """A shop that Apple notifies."""
    shop = await open_shop(
        house, spent_coins="debt", plugins=(("app_store", AppStoreProvider(timeout_seconds=2)),)
    )
    async with served(Web(shop)) as url:
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/app_store"
        products = [{"pack": shop.pack, "product": PRODUCT}]
        settings = await asyncio.to_thread(lab.open_apple, hook, products)
        made = await configure_provider(
            shop.payments, shop.tenant, "app_store", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        yield AppleTill(shop, lab, settings)
    await shop.payments.close()


async def test_the_app_is_told_what_to_buy_and_its_transaction_credits(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    assert intent.state == "requires_action"
    action = await till.action(intent)
    token = uuid_of((await till.attempt(intent)).id)
    assert (action.kind, action.details) == (
        "storekit", {"productId": PRODUCT, "appAccountToken": token},
    )  # fmt: skip
    bought = await till.in_store(intent)
    told = await till.confirm(intent, {"transaction": bought["transaction"]})
    assert isinstance(told, Receipt)
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == {"provider:app_store": -499, "backing": 499}
    assert (await till.attempt(intent)).reference == bought["transaction"]


async def test_what_storekit_signed_credits_too(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.confirm(intent, {"signed_transaction": bought["signed_transaction"]})
    assert await till.shop.coins(player) == BOUGHT


async def test_a_notification_credits_without_the_app(hearing: AppleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    bought = await hearing.in_store(intent)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "credited"
    assert await hearing.shop.coins(player) == BOUGHT
    # The app comes second, and is no stranger.
    assert await hearing.confirm(intent, {"transaction": bought["transaction"]}) is None
    assert await hearing.shop.coins(player) == BOUGHT


async def test_the_app_the_notification_and_the_history_credit_once(hearing: AppleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    token = uuid_of((await hearing.attempt(intent)).id)
    await hearing.turn(token, "webhook", "duplicate")
    bought = await hearing.in_store(intent)
    data = {"transaction": bought["transaction"]}
    await asyncio.gather(*(hearing.confirm(intent, data) for _ in range(3)), hearing.report())
    await hearing.rest()
    assert await hearing.shop.coins(player) == BOUGHT
    assert (await hearing.shop.kinds()).count("credited") == 1
    assert await hearing.is_proven()


async def test_a_lost_notification_is_found_in_the_history(hearing: AppleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    await hearing.turn(uuid_of((await hearing.attempt(intent)).id), "webhook", "unsent")
    await hearing.in_store(intent)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "requires_action"
    assert await hearing.report() == 1
    assert await hearing.shop.state(intent) == "credited"
    assert await hearing.report() == 0


async def test_a_forged_notification_is_not_believed(hearing: AppleTill):
    intent = await hearing.buy(await hearing.shop.player())
    await hearing.turn(uuid_of((await hearing.attempt(intent)).id), "webhook", "forged")
    await hearing.in_store(intent)
    await asyncio.sleep(0.3)
    assert await hearing.shop.state(intent) == "requires_action"


@pytest.mark.parametrize(
    ("price", "currency", "money"),
    [
        (5_990, "USD", {"provider:app_store": -599, "backing": 599}),
        (3_990, "EUR", {"provider:app_store": -399, "backing": 399}),
        (600_000, "JPY", {"provider:app_store": -600, "backing": 600}),
    ],
)
async def test_the_price_is_what_the_store_took(
    till: AppleTill, price: int, currency: str, money: dict[str, int]
):
    player = await till.shop.player()
    intent, _ = await till.paid(player, price=price, currency=currency)
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money(currency) == money
    after = (await till.shop.dossier(intent)).intent
    assert (after.amount_minor, after.money) == (money["backing"], currency)
    assert await till.is_proven()


async def test_a_price_between_minor_units_is_booked_by_nobody(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent, price=4_995)
    assert await till.confirm(intent, {"transaction": bought["transaction"]}) is None
    assert await till.shop.state(intent) == "requires_action"
    assert await till.shop.money() == {}


@pytest.mark.parametrize(
    ("sale", "code"),
    [
        ({"product": "example.gems.50", "price": 990}, "product_differs"),
        ({"quantity": 2, "price": 9_980}, "quantity_differs"),
        ({"kind": "Non-Consumable"}, "not_consumable"),
    ],
)
async def test_money_for_something_else_is_booked_and_credits_nothing(
    till: AppleTill, sale: dict[str, object], code: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent, **sale)
    await till.confirm(intent, {"transaction": bought["transaction"]})
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "conflicted"
    assert (await till.attempt(intent)).code == code
    assert await till.shop.coins(player) == {}
    # Apple alone can give it back: until then it waits, for an operator to see.
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.code) == ("failed", "only_apple_refunds")
    assert set(await till.shop.money()) == {"provider:app_store", "unapplied"}
    assert await till.is_proven()


async def test_a_transaction_of_another_payment_confirms_nothing(till: AppleTill):
    player = await till.shop.player()
    first, second = await till.buy(player), await till.buy(player)
    bought = await till.in_store(second)
    for data in (
        {"transaction": bought["transaction"]},
        {"signed_transaction": bought["signed_transaction"]},
    ):
        refused = await till.confirm(first, data)
        assert isinstance(refused, Refusal)
        assert refused.extra["reason"] == "other_payment"
    assert await till.shop.coins(player) == {}


async def test_a_used_transaction_pays_for_nothing_else(till: AppleTill):
    player = await till.shop.player()
    _, transaction = await till.paid(player)
    another = await till.buy(player)
    refused = await till.confirm(another, {"transaction": transaction})
    assert isinstance(refused, Refusal)
    assert refused.extra["reason"] == "other_payment"
    assert await till.shop.coins(player) == BOUGHT


async def test_a_second_purchase_under_one_token_is_a_payment_of_its_own(hearing: AppleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    sale = {"product": PRODUCT, "token": uuid_of((await hearing.attempt(intent)).id)}
    await hearing.at_lab("/buy", **sale)
    await hearing.rest()
    again = await hearing.at_lab("/buy", **sale)
    await hearing.rest()
    assert await hearing.shop.coins(player) == {one: 2 * n for one, n in BOUGHT.items()}
    assert await hearing.problems() == []
    await hearing.at_lab("/refund", transaction=again["transaction"])
    await hearing.rest()
    assert await hearing.shop.coins(player) == BOUGHT
    assert (await hearing.attempt(intent)).refunded_minor == 0
    assert await hearing.is_proven()


@pytest.mark.parametrize(
    ("effect", "after"),
    [
        ("STRANGER", "requires_action"),
        ("OTHER_BUNDLE", "requires_action"),
        ("OTHER_ENVIRONMENT", "requires_action"),
        ("XCODE", "requires_action"),
        ("silence", "requires_action"),
        ("error_before", "requires_action"),
    ],
)
async def test_an_answer_of_apple_s_that_is_not_believed_books_nothing(
    till: AppleTill, effect: str, after: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.turn(bought["transaction"], "get", effect)
    data = {"transaction": bought["transaction"]}
    assert await till.confirm(intent, data) is None
    assert await till.shop.state(intent) == after
    assert await till.shop.coins(player) == {}
    await till.confirm(intent, data)
    assert await till.shop.coins(player) == BOUGHT


async def test_what_was_revoked_before_it_came_here_credits_nothing(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.at_lab("/refund", transaction=bought["transaction"])
    assert await till.confirm(intent, {"transaction": bought["transaction"]}) is None
    assert await till.shop.state(intent) == "requires_payment_method"
    assert (await till.attempt(intent)).code == "revoked"
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


async def test_a_pack_without_a_product_is_declined(till: AppleTill):
    other = await till.shop.save(name="Bag")
    intent = await till.buy(await till.shop.player(), product_id=other.id)
    assert (await till.attempt(intent)).code == "product_unknown"


async def test_a_purchase_that_nobody_makes_expires_after_a_week(till: AppleTill):
    intent = await till.buy(await till.shop.player())
    till.shop.clock.by += timedelta(days=2)
    assert await till.shop.later() == 0 or await till.poll(intent) == "requires_action"
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 0
    till.shop.clock.by += timedelta(days=6)
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 1
    assert await till.shop.state(intent) == "expired"


async def test_what_was_bought_for_a_canceled_payment_is_credited(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    details = (await till.action(intent)).details or {}
    done = await cancel_payment(till.shop.payments, till.shop.tenant, player, intent.id)
    assert not isinstance(done, Refusal), done
    sale = {"product": details["productId"], "token": details["appAccountToken"]}
    bought = await till.at_lab("/buy", **sale)
    await till.confirm(intent, {"transaction": bought["transaction"]})
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.is_proven()


async def test_the_app_sends_what_storekit_signed_by_the_player_s_own_token(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    signed = (await till.in_store(intent))["signed_transaction"]
    assert 1_000 < len(signed) < 16_000
    async with await Web(till.shop).player(player) as app:
        path = f"/v1/payments/{intent.id}/confirmation"
        for data, status in ((f"{signed}x", 422), ("x" * 16_001, 422), (signed, 200)):
            answer = await app.post(
                path,
                json={"data": {"signed_transaction": data}},
                headers={"idempotency-key": new_id("key")},
            )
            assert answer.status_code == status, answer.text
    assert answer.json()["state"] == "credited"
    assert await till.shop.coins(player) == BOUGHT


async def test_settings_name_what_is_wrong_with_them(till: AppleTill):
    settings = {**till.settings, "private_key": "-" * 200}
    refused = await configure_provider(
        till.shop.payments, till.shop.tenant, "app_store", settings, enabled=True
    )
    assert isinstance(refused, Refusal)
    assert "private_key" in msgspec.json.encode(refused).decode()
