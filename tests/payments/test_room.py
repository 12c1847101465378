"""Room below a currency's ceiling is kept for coins from the moment when somebody may pay for them.

The pack of the shop has 500 paid and 50 bonus coins.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.payments.scripted import DECLINED, PENDING, UNKNOWN, processed
from tests.payments.shop import Shop

from guildbank.kernel import Refusal, new_id
from guildbank.ledger import house
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.plugin_api import EventKind
from guildbank.wallets import wallet
from guildbank.wallets.contracts import Post, PostLeg
from guildbank.wallets.usecases.post import PostAct

PACK = {"paid": 500, "bonus": 50}


async def refused(shop: Shop, player: str) -> Refusal:
    answer = await shop.try_buying(player)
    assert isinstance(answer, Refusal), answer
    return answer


async def give_bonus(shop: Shop, player: str, amount: int) -> str | None:
    leg = PostLeg(house("GEM", "issue"), wallet(player, "GEM", "bonus"), amount)
    act = PostAct("app", new_id("key"), Post((leg,)), ())
    done = await shop.house.journal.submit(shop.tenant.schema, act)
    return done.code if isinstance(done, Refusal) else None


async def canceled(shop: Shop, intent: Intent) -> None:
    done = await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    assert not isinstance(done, Refusal), done


@pytest.mark.parametrize("ceiling", [499, 49], ids=["paid coins", "bonus coins"])
async def test_a_pack_above_the_ceiling_is_refused_before_anybody_pays(shop: Shop, ceiling: int):
    player = await shop.player()
    await shop.rule(ceiling=ceiling)
    full = await refused(shop, player)
    assert (full.code, full.field, full.extra) == (
        "ceiling_exceeded", "packId", {"ceiling": ceiling},
    )  # fmt: skip
    assert await shop.kinds() == []
    assert shop.script.requests == []
    assert await shop.expected(player) == {}


async def test_a_closed_currency_is_not_sold(shop: Shop):
    player = await shop.player()
    await shop.rule(active=False)
    closed = await refused(shop, player)
    assert (closed.code, closed.field) == ("currency_inactive", "currency")
    assert shop.script.requests == []


async def test_what_is_being_paid_for_counts(shop: Shop):
    player, other = await shop.player(), await shop.player()
    await shop.rule(ceiling=999)
    shop.script.on_create = PENDING
    first = await shop.buy(player)
    assert await shop.expected(player) == PACK
    assert (await refused(shop, player)).code == "ceiling_exceeded"
    await shop.buy(other)
    (attempt,) = (await shop.dossier(first)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await shop.state(first) == "credited"
    assert await shop.expected(player) == {}
    assert (await refused(shop, player)).code == "ceiling_exceeded"
    await shop.spend(player, 51)
    await shop.buy(player)


async def test_rivals_for_the_last_room_are_let_in_once(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=1_499)
    shop.script.on_create = PENDING
    answers = await asyncio.gather(*(shop.try_buying(player) for _ in range(6)))
    codes = [one.code for one in answers if isinstance(one, Refusal)]
    assert codes == ["ceiling_exceeded"] * 4
    assert await shop.expected(player) == {"paid": 1_000, "bonus": 100}


async def test_nothing_else_takes_the_room(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = PENDING
    await shop.buy(player)
    assert await give_bonus(shop, player, 451) == "ceiling_exceeded"
    assert await give_bonus(shop, player, 450) is None
    assert await shop.expected(player) == PACK
    assert await shop.coins(player) == {"bonus": 450}


@pytest.mark.parametrize("end", ["declined", "canceled", "expired"])
async def test_what_ends_without_money_gives_its_room_back(shop: Shop, end: str):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = DECLINED if end == "declined" else PENDING
    intent = await shop.buy(player)
    if end == "canceled":
        await canceled(shop, intent)
    if end == "expired":
        shop.clock.by += timedelta(days=30)
        assert await expire_payments(shop.payments, shop.tenant) == 1
    assert await shop.expected(player) == {}
    shop.script.on_create = None
    assert await shop.state(await shop.buy(player)) == "credited"


async def test_what_nobody_knows_keeps_its_room(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = UNKNOWN
    await shop.buy(player)
    assert await shop.expected(player) == PACK
    assert (await refused(shop, player)).code == "ceiling_exceeded"


async def test_another_attempt_wants_room_again(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = DECLINED
    first = await shop.buy(player)
    shop.script.on_create = PENDING
    second = await shop.buy(player)
    full = await shop.retry(first)
    assert isinstance(full, Refusal)
    assert full.code == "ceiling_exceeded"
    assert await shop.state(first) == "requires_payment_method"
    await canceled(shop, second)
    shop.script.on_create = None
    assert not isinstance(await shop.retry(first), Refusal)
    assert await shop.state(first) == "credited"
    assert await shop.expected(player) == {}
    assert await shop.coins(player) == PACK


@pytest.mark.parametrize("rules", [{"ceiling": 1}, {"active": False}], ids=["lower", "closed"])
async def test_who_was_let_in_gets_the_coins_whatever_the_rules_are_by_then(
    shop: Shop, rules: dict[str, Any]
):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    await shop.rule(**rules)
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await shop.state(intent) == "credited"
    assert await shop.coins(player) == PACK
    assert await shop.expected(player) == {}


async def test_another_amount_gives_the_room_back_with_the_money(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = processed(498)
    assert await shop.state(await shop.buy(player)) == "conflicted"
    assert await shop.expected(player) == {}


async def test_a_currency_without_a_ceiling_keeps_no_rooms(shop: Shop):
    player = await shop.player()
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    assert not (await shop.dossier(intent)).intent.room
    assert await shop.expected(player) == {}
