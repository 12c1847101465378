"""Purchases in Google Play, played by the lab: told of, booked once, forged, and consumed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.google_till import BOUGHT, PRODUCT, GoogleTill, google_till
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_googleplay.purchases import account_of


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[GoogleTill]:
    async with google_till(house, lab, notified=False) as opened:
        yield opened


@pytest.fixture
async def hearing(house: House, lab: LabServer) -> AsyncIterator[GoogleTill]:
    async with google_till(house, lab, notified=True) as opened:
        yield opened


@pytest.mark.parametrize("named", ["transaction", "order"])
async def test_the_app_is_told_what_to_buy_and_its_purchase_credits(till: GoogleTill, named: str):
    player = await till.shop.player()
    intent = await till.buy(player)
    assert intent.state == "requires_action"
    action, attempt = await till.action(intent), await till.attempt(intent)
    assert (action.kind, action.details) == (
        "play_billing",
        {
            "productId": PRODUCT,
            "obfuscatedAccountId": account_of(player),
            "obfuscatedProfileId": attempt.id,
        },
    )
    bought = await till.in_store(intent)
    assert isinstance(await till.confirm(intent, bought[named]), Receipt)
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == {"provider:google_play": -499, "backing": 499}
    assert (await till.attempt(intent)).reference == bought["order"]


async def test_a_credited_purchase_is_consumed_and_that_is_recorded(till: GoogleTill):
    intent, bought = await till.paid(await till.shop.player())
    assert await till.is_consumed(bought)
    assert (await till.attempt(intent)).finish == "done"
    assert (await till.shop.kinds())[-2:] == ["credited", "finished"]
    assert await till.look(hours=2) == 0


async def test_a_notification_credits_and_consumes_without_the_app(hearing: GoogleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    bought = await hearing.in_store(intent)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "credited"
    assert await hearing.shop.coins(player) == BOUGHT
    assert await hearing.is_consumed(bought)


async def test_the_app_and_the_notifications_credit_once(hearing: GoogleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    await hearing.turn((await hearing.attempt(intent)).id, "webhook", "duplicate")
    bought = await hearing.in_store(intent)
    told = [bought["transaction"], bought["order"], bought["transaction"]]
    await asyncio.gather(*(hearing.confirm(intent, one) for one in told))
    await hearing.rest()
    assert await hearing.shop.coins(player) == BOUGHT
    assert (await hearing.shop.kinds()).count("credited") == 1
    assert (await hearing.shop.kinds()).count("finished") == 1
    assert await hearing.problems() == []
    assert await hearing.is_proven()


async def test_a_forged_notification_is_not_believed(hearing: GoogleTill):
    intent = await hearing.buy(await hearing.shop.player())
    await hearing.turn((await hearing.attempt(intent)).id, "webhook", "forged")
    await hearing.in_store(intent)
    await asyncio.sleep(0.3)
    assert await hearing.shop.state(intent) == "requires_action"


async def test_a_notification_that_google_could_not_explain_is_pushed_again(hearing: GoogleTill):
    intent = await hearing.buy(await hearing.shop.player())
    await hearing.turn((await hearing.attempt(intent)).id, "get", "error_before")
    await hearing.in_store(intent)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "credited"


async def test_the_test_notification_is_taken(hearing: GoogleTill):
    await hearing.at_lab("/tell")
    await hearing.rest()
    assert await hearing.problems() == []


@pytest.mark.parametrize("effect", ["error_before", "error_after", "silence"])
async def test_a_purchase_that_could_not_be_consumed_is_consumed_later(
    till: GoogleTill, effect: str
):
    intent = await till.buy(await till.shop.player())
    bought = await till.in_store(intent)
    await till.turn(bought["transaction"], "capture", effect)
    await till.confirm(intent, bought["transaction"])
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "credited"
    assert (await till.attempt(intent)).finish == "due"
    assert await till.look(seconds=10) == 0
    assert await till.look(seconds=30) == 1
    assert await till.is_consumed(bought)
    assert (await till.attempt(intent)).finish == "done"


async def test_what_is_not_consumed_for_three_days_is_given_back_and_its_coins_are_taken(
    till: GoogleTill,
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.turn(bought["transaction"], "capture", "error_before", 2)
    await till.confirm(intent, bought["transaction"])
    await till.shop.payments.drain()
    await till.look(hours=1)
    try:
        till.shop.clock.by += timedelta(days=3, minutes=1)
        await asyncio.to_thread(till.lab.do, "/lab/clock", seconds=3 * 86_400 + 3_600)
        assert await till.report() == 1
        (refund,) = await till.refunds(intent)
        assert (refund.state.value, refund.reason) == ("succeeded", "unacknowledged")
        assert await till.shop.coins(player) == {}
        # There is nothing any more to be consumed, so that nobody asks for ever.
        assert await till.look(hours=1) == 1
        assert (await till.attempt(intent)).finish == "done"
        assert await till.is_proven()
    finally:
        await asyncio.to_thread(till.lab.do, "/lab/clock", seconds=-3 * 86_400 - 3_600)


@pytest.mark.parametrize(
    ("price", "currency", "money"),
    [
        ("5.99", "USD", {"provider:google_play": -599, "backing": 599}),
        ("3.99", "EUR", {"provider:google_play": -399, "backing": 399}),
        ("600", "JPY", {"provider:google_play": -600, "backing": 600}),
        ("0", "EUR", {}),
    ],
)
async def test_the_price_is_what_the_store_took(
    till: GoogleTill, price: str, currency: str, money: dict[str, int]
):
    player = await till.shop.player()
    intent, _ = await till.paid(player, price=price, currency=currency)
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money(currency) == money
    after = (await till.shop.dossier(intent)).intent
    assert (after.amount_minor, after.money) == (money.get("backing", 0), currency)
    assert await till.is_proven()


async def test_a_price_between_minor_units_is_booked_by_nobody(till: GoogleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent, price="4.995")
    assert await till.confirm(intent, bought["transaction"]) is None
    assert await till.shop.state(intent) == "requires_action"
    assert await till.shop.money() == {}
    assert not await till.is_consumed(bought)


@pytest.mark.parametrize(
    ("sale", "code"),
    [
        ({"product": "example.gems.50", "price": "0.99"}, "product_differs"),
        ({"quantity": 2, "price": "9.98"}, "quantity_differs"),
    ],
)
async def test_money_for_something_else_credits_nothing_and_goes_back_at_once(
    till: GoogleTill, sale: dict[str, object], code: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent, **sale)
    await till.confirm(intent, bought["transaction"])
    await till.shop.payments.drain()
    assert (await till.attempt(intent)).code == code
    assert await till.shop.coins(player) == {}
    (refund,) = await till.refunds(intent)
    assert refund.state == "succeeded"
    assert await till.shop.money() == {}
    assert (await till.at_lab("/heard", transaction=bought["transaction"]))["state"] == "CANCELLED"
    assert await till.is_proven()


async def test_a_pending_purchase_waits_and_credits_once_it_is_paid(hearing: GoogleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    bought = await hearing.in_store(intent, pending=True)
    assert await hearing.confirm(intent, bought["transaction"]) is None
    assert await hearing.shop.state(intent) == "processing"
    assert await hearing.shop.coins(player) == {}
    await hearing.at_lab("/settle", transaction=bought["transaction"], paid=True)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "credited"
    assert await hearing.shop.coins(player) == BOUGHT
    assert await hearing.is_consumed(bought)


@pytest.mark.parametrize(
    ("paid", "after"), [(True, "credited"), (False, "requires_payment_method")]
)
async def test_the_end_of_a_pending_purchase_is_found_when_nobody_tells_of_it(
    till: GoogleTill, paid: bool, after: str
):
    intent = await till.buy(await till.shop.player())
    bought = await till.in_store(intent, pending=True)
    await till.confirm(intent, bought["transaction"])
    assert await till.look(hours=2) == 1
    assert await till.shop.state(intent) == "processing"
    await till.at_lab("/settle", transaction=bought["transaction"], paid=paid)
    await till.look(hours=2)
    assert await till.shop.state(intent) == after
    assert await till.is_proven()


async def test_a_pending_purchase_is_not_given_up_while_google_may_take_the_money(
    till: GoogleTill,
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent, pending=True)
    await till.confirm(intent, bought["transaction"])
    refused = await cancel_payment(till.shop.payments, till.shop.tenant, player, intent.id)
    assert isinstance(refused, Refusal)
    assert refused.code == "payment_in_progress"
    till.shop.clock.by += timedelta(days=8)
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 0
    await till.at_lab("/settle", transaction=bought["transaction"], paid=False)
    await till.look(hours=2)
    assert await till.shop.state(intent) == "requires_payment_method"
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 1


async def test_a_pending_purchase_that_is_not_paid_lets_the_player_try_again(hearing: GoogleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    bought = await hearing.in_store(intent, pending=True)
    await hearing.confirm(intent, bought["transaction"])
    await hearing.at_lab("/settle", transaction=bought["transaction"], paid=False)
    await hearing.rest()
    assert await hearing.shop.state(intent) == "requires_payment_method"
    assert (await hearing.attempt(intent)).code == "canceled"
    assert await hearing.shop.coins(player) == {}


@pytest.mark.parametrize("named", ["transaction", "order"])
async def test_a_purchase_of_another_payment_confirms_nothing(till: GoogleTill, named: str):
    player = await till.shop.player()
    first, second = await till.buy(player), await till.buy(player)
    bought = await till.in_store(second)
    refused = await till.confirm(first, bought[named])
    assert isinstance(refused, Refusal)
    assert refused.extra["reason"] == "other_payment"
    assert await till.shop.coins(player) == {}


async def test_another_player_s_purchase_confirms_nothing(till: GoogleTill):
    intent = await till.buy(await till.shop.player())
    bought = await till.in_store(intent, account=account_of(await till.shop.player()))
    refused = await till.confirm(intent, bought["transaction"])
    assert isinstance(refused, Refusal)
    assert refused.extra["reason"] == "other_payment"


async def test_a_used_purchase_pays_for_nothing_else(till: GoogleTill):
    player = await till.shop.player()
    _, bought = await till.paid(player)
    another = await till.buy(player)
    refused = await till.confirm(another, bought["transaction"])
    assert isinstance(refused, Refusal)
    assert refused.extra["reason"] == "other_payment"
    assert await till.shop.coins(player) == BOUGHT


async def test_a_second_purchase_under_one_payment_is_a_payment_of_its_own(hearing: GoogleTill):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    details = (await hearing.action(intent)).details or {}
    sale = {
        "product": PRODUCT, "account": details["obfuscatedAccountId"],
        "profile": details["obfuscatedProfileId"],
    }  # fmt: skip
    await hearing.at_lab("/buy", **sale)
    await hearing.rest()
    second = await hearing.at_lab("/buy", **sale)
    await hearing.rest()
    assert await hearing.shop.coins(player) == {one: 2 * n for one, n in BOUGHT.items()}
    assert await hearing.problems() == []
    assert await hearing.is_consumed(second)
    assert await hearing.is_proven()


@pytest.mark.parametrize(
    "effect",
    [
        "OTHER_ACCOUNT", "OTHER_PROFILE", "REAL", "OTHER_TOKEN", "silence", "error_before",
    ],
)  # fmt: skip
async def test_an_answer_of_google_s_that_is_not_believed_books_nothing(
    till: GoogleTill, effect: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.turn(bought["transaction"], "get", effect)
    name = bought["order" if effect == "OTHER_TOKEN" else "transaction"]
    assert not isinstance(await till.confirm(intent, name), Receipt)
    assert await till.shop.state(intent) == "requires_action"
    assert await till.shop.coins(player) == {}
    await till.confirm(intent, name)
    assert await till.shop.coins(player) == BOUGHT


async def test_real_money_buys_nothing_in_a_test_tenant(till: GoogleTill):
    intent = await till.buy(await till.shop.player())
    bought = await till.in_store(intent, test=False)
    refused = await till.confirm(intent, bought["transaction"])
    assert isinstance(refused, Refusal)
    assert refused.extra["reason"] == "real_purchase"
    assert not await till.is_consumed(bought)


async def test_what_was_voided_before_it_came_here_credits_nothing(till: GoogleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.in_store(intent)
    await till.at_lab("/void", transaction=bought["transaction"])
    assert await till.confirm(intent, bought["transaction"]) is None
    assert await till.shop.state(intent) == "requires_payment_method"
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


async def test_a_pack_without_a_product_is_declined(till: GoogleTill):
    other = await till.shop.save(name="Bag")
    intent = await till.buy(await till.shop.player(), product_id=other.id)
    assert (await till.attempt(intent)).code == "product_unknown"


async def test_a_purchase_that_nobody_makes_expires_after_a_week(till: GoogleTill):
    intent = await till.buy(await till.shop.player())
    await till.look(days=2)
    assert await till.shop.state(intent) == "requires_action"
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 0
    till.shop.clock.by += timedelta(days=6)
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 1
    assert await till.shop.state(intent) == "expired"


async def test_what_was_bought_for_a_canceled_payment_is_credited(till: GoogleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    details = (await till.action(intent)).details or {}
    done = await cancel_payment(till.shop.payments, till.shop.tenant, player, intent.id)
    assert not isinstance(done, Refusal), done
    bought = await till.at_lab(
        "/buy", product=PRODUCT, account=details["obfuscatedAccountId"],
        profile=details["obfuscatedProfileId"],
    )  # fmt: skip
    await till.confirm(intent, bought["transaction"])
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.is_consumed(bought)
    assert await till.is_proven()


async def test_settings_name_what_is_wrong_with_them(till: GoogleTill):
    settings = {**till.settings, "service_account": "{" + " " * 200 + "}"}
    refused = await configure_provider(
        till.shop.payments, till.shop.tenant, "google_play", settings, enabled=True
    )
    assert isinstance(refused, Refusal)
    assert refused.field == "settings.service_account"
