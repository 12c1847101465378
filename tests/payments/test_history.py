"""Gates are told what a player bought of late, as the payments themselves stand."""

from datetime import datetime, timedelta

import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, PENDING, processed
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal, new_id
from guildbank.payments import PaymentHistories
from guildbank.payments.purchases import LATELY
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.plugin_api import MAX_PAST, History, PastPurchase


def history(shop: Shop) -> History:
    return PaymentHistories(shop.house.db, shop.clock).of(shop.tenant)


async def lately(shop: Shop, player: str, **span: float) -> list[PastPurchase]:
    since = shop.clock.now() - timedelta(**(span or {"hours": 1}))
    return list(await history(shop).purchases(player, since))


async def states(shop: Shop, player: str) -> list[str]:
    return [one.state.value for one in await lately(shop, player)]


async def test_what_was_paid_is_told_with_its_price_and_provider(shop: Shop) -> None:
    player = await shop.player()
    intent = await shop.buy(player)
    [told] = await lately(shop, player)
    assert told.payment_id == intent.id
    assert told.product_id == shop.pack
    assert (told.amount_minor, told.currency, told.provider) == (499, "EUR", "scripted")
    assert (told.state, told.declined_at) == ("paid", ())
    assert told.created_at == intent.created_at


async def test_the_newest_comes_first_and_other_players_purchases_do_not_come(shop: Shop) -> None:
    player, other = await shop.player(), await shop.player()
    first = await shop.buy(player)
    await shop.buy(other)
    second = await shop.buy(player)
    assert [one.payment_id for one in await lately(shop, player)] == [second.id, first.id]


async def test_another_tenants_purchases_are_not_told(shop: Shop, house: House) -> None:
    player = await shop.player()
    await shop.buy(player)
    assert await lately(await open_shop(house), player) == []


async def test_what_waits_for_the_player_is_open_and_what_ended_without_money_failed(
    shop: Shop,
) -> None:
    player = await shop.player()
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    assert await states(shop, player) == ["open"]
    ended = await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    assert not isinstance(ended, Refusal)
    assert await states(shop, player) == ["failed"]


async def test_a_declined_try_leaves_the_purchase_open_and_is_told_with_its_time(
    shop: Shop,
) -> None:
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    assert not isinstance(await shop.retry(intent), Refusal)
    [told] = await lately(shop, player)
    assert told.state == "open"
    assert len(told.declined_at) == 2
    assert intent.created_at <= told.declined_at[1] < told.declined_at[0]


async def test_what_is_wholly_given_back_is_returned_and_a_part_is_not(shop: Shop) -> None:
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.refunded(intent, 100)
    assert await states(shop, player) == ["paid"]
    await shop.refunded(intent)
    assert await states(shop, player) == ["returned"]


async def test_money_of_another_amount_bought_nothing(shop: Shop) -> None:
    player = await shop.player()
    shop.script.on_create = processed(100)
    await shop.buy(player)
    assert await states(shop, player) == ["returned"]


async def test_what_is_older_is_not_told(shop: Shop) -> None:
    player = await shop.player()
    await shop.buy(player)
    shop.clock.by += timedelta(minutes=61)
    assert await lately(shop, player) == []
    assert len(await lately(shop, player, minutes=62)) == 1


async def test_a_time_further_back_than_a_month_or_without_zone_is_an_error(shop: Shop) -> None:
    player = await shop.player()
    await shop.buy(player)
    assert len(await lately(shop, player, days=31)) == 1
    with pytest.raises(ValueError, match="31 days only"):
        await lately(shop, player, days=32)
    with pytest.raises(ValueError, match="no zone"):
        await history(shop).purchases(player, datetime(2026, 11, 26))


async def test_what_came_later_is_not_told_to_who_asks_about_a_past_time(shop: Shop) -> None:
    player = await shop.player()
    first = await shop.buy(player)
    await shop.buy(player)
    then = PaymentHistories(shop.house.db, shop.clock).of(shop.tenant, first.created_at)
    told = await then.purchases(player, first.created_at - timedelta(days=31))
    assert [one.payment_id for one in told] == [first.id]


COPY = """
INSERT INTO payments_intent
SELECT (jsonb_populate_record(
    intent,
    jsonb_build_object(
        'id', regexp_replace(intent.id, '.{6}$', lpad(number::text, 6, '0')),
        'player_id', $2 || (number % $4)::text,
        'credited_seq', NULL
    )
)).*
FROM payments_intent AS intent
CROSS JOIN generate_series(1, $3::int) AS number
WHERE intent.id = $1
"""


async def test_no_more_than_the_limit_come_and_an_index_finds_them(shop: Shop) -> None:
    intent = await shop.buy(await shop.player())
    crowd = new_id("player")
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(COPY, intent.id, crowd, 6_000, 10)
        await tx.driver.execute("ANALYZE payments_intent")
        await tx.driver.execute("ANALYZE payments_attempt")
    assert len(await lately(shop, f"{crowd}7")) == MAX_PAST
    since = shop.clock.now() - timedelta(hours=1)
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        plan = await tx.driver.fetch(
            f"EXPLAIN {LATELY}", f"{crowd}7", "pay_0", since, None, MAX_PAST
        )
    steps = "\n".join(row[0] for row in plan)
    assert "ix_payments_intent_player_id" in steps
    assert "Index Cond: ((player_id = " in steps
    assert "AND (id >= " in steps
    assert "Seq Scan on payments_intent" not in steps
