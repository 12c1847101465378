"""Rules answer a wish at once, under the lock, or leave it to a person: never a spent coin free."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.payments.scripted import Lost
from tests.payments.shop import Shop
from tests.payments.wishes import ask, grant, refused, seen, try_asking, try_granting

from guildbank.payments.contracts.requests import (
    GrantRule,
    RefundPolicy,
    RejectRule,
    StoredPolicy,
    Wish,
)
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.rules import answer_of
from guildbank.payments.usecases.refund_policy import get_refund_policy, set_refund_policy
from guildbank.store import Price

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOON = GrantRule(within_hours=48, up_to={"EUR": 499}, most=2, in_days=90)
LATE = RejectRule(after_days=60, answer="That was long ago.")
RULES = RefundPolicy(grant=SOON, reject=LATE)


def wish(**changes: object) -> Wish:
    known = {"amount_minor": 499, "money": "EUR", "credited_at": NOW, "granted": ()}
    return Wish(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (wish(), "grant"),
        (wish(credited_at=NOW - timedelta(hours=48)), "grant"),
        (wish(credited_at=NOW - timedelta(hours=48, seconds=1)), None),
        (wish(credited_at=NOW - timedelta(days=60)), None),
        (wish(credited_at=NOW - timedelta(days=60, seconds=1)), "reject"),
        (wish(amount_minor=500), None),
        (wish(money="USD"), None),
        (wish(granted=(NOW - timedelta(days=89),)), "grant"),
        (wish(granted=(NOW - timedelta(days=89), NOW - timedelta(days=1))), None),
        (wish(granted=(NOW - timedelta(days=90), NOW - timedelta(days=1))), "grant"),
    ],
)
def test_what_rules_answer(asked: Wish, answer: str | None):
    assert answer_of(RULES, asked, NOW) == answer
    assert answer_of(RefundPolicy(), asked, NOW) is None


async def rule(shop: Shop, policy: RefundPolicy = RULES) -> StoredPolicy:
    done = await set_refund_policy(shop.payments, shop.tenant, "op", policy)
    assert isinstance(done, StoredPolicy), done
    return done


async def aged(shop: Shop, intent: Intent, **span: float) -> None:
    """Let the coins have come so long ago."""
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE payments_intent SET credited_at = now() - $2::interval WHERE id = $1",
            intent.id,
            timedelta(**span),
        )


async def test_without_rules_everything_waits(shop: Shop):
    assert refused(await get_refund_policy(shop.payments, shop.tenant)) == "not_found"
    asked = await ask(shop, await shop.buy(await shop.player()))
    assert asked.request.state == "open"


async def test_what_comes_soon_and_is_unspent_goes_back_at_once(shop: Shop):
    await rule(shop)
    asked = await ask(shop, await shop.buy(await shop.player()))
    assert asked.request.state == "granted"
    assert asked.refund is not None
    assert asked.refund.state == "succeeded"
    assert asked.request.decided_by == "system"
    assert asked.request.because == '{"policy":1,"rule":"grant","hours":0,"grantedBefore":0}'
    assert await shop.left() == {}
    kinds = await shop.kinds()
    assert kinds[-3:] == ["refund_requested", "refund_clawed", "refunded"]


async def test_a_spent_or_held_coin_leaves_it_to_a_person(shop: Shop, lenient_shop: Shop):
    for one in (shop, lenient_shop):
        await rule(one)
        player = await one.player()
        intent = await one.buy(player)
        await one.spend(player, 1)
        asked = await ask(one, intent, 1)
        assert asked.request.state == "open"
        assert await one.money() == {"provider:scripted": -499, "backing": 499}


async def test_a_spend_that_races_never_gets_its_coins_and_the_money(shop: Shop):
    await rule(shop)
    for _ in range(5):
        player = await shop.player()
        intent = await shop.buy(player)
        spent, asked = await asyncio.gather(_try_spending(shop, player), ask(shop, intent))
        assert (asked.request.state == "granted") != spent
        held = sum((await shop.coins(player)).values())
        assert held == (549 if spent else 0)


async def _try_spending(shop: Shop, player: str) -> bool:
    try:
        await shop.spend(player, 1)
    except AssertionError:
        return False
    return True


async def test_what_comes_late_is_told_so(shop: Shop):
    await rule(shop)
    intent = await shop.buy(await shop.player())
    await aged(shop, intent, days=61)
    asked = await ask(shop, intent)
    assert (asked.request.state, asked.words.answer) == ("rejected", "That was long ago.")
    assert asked.request.because == '{"policy":1,"rule":"reject","hours":1464,"grantedBefore":0}'
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}


async def test_the_third_wish_of_a_player_waits_whoever_granted_the_others(shop: Shop):
    await rule(shop)
    player = await shop.player()
    first = await ask(shop, await shop.buy(player))
    old = await shop.buy(player)
    await aged(shop, old, days=10)
    second = await grant(shop, await ask(shop, old))
    third = await ask(shop, await shop.buy(player))
    states = [one.request.state for one in (first, second, third)]
    assert states == ["granted", "granted", "open"]
    assert (await ask(shop, await shop.buy(await shop.player()))).request.state == "granted"


async def test_wishes_at_the_same_time_are_counted_one_after_the_other(shop: Shop):
    await rule(shop)
    player = await shop.player()
    bought = [await shop.buy(player) for _ in range(6)]
    asked = await asyncio.gather(*(ask(shop, one) for one in bought))
    states = sorted(one.request.state.value for one in asked)
    assert states == ["granted"] * 2 + ["open"] * 4


async def test_a_larger_purchase_waits_and_a_small_part_of_it_does_not(shop: Shop):
    await rule(shop)
    pack = await shop.save(prices=(Price(9999, "EUR"),))
    intent = await shop.buy(await shop.player(), product_id=pack.id)
    asked = await ask(shop, intent)
    assert asked.request.state == "open"
    await shop.payments.drain()
    await grant(shop, asked, 1000)
    part = await ask(shop, intent, 400)
    assert part.request.state == "granted"


async def test_the_same_key_is_answered_by_the_same_request_once_rules_granted_it(shop: Shop):
    await rule(shop)
    intent = await shop.buy(await shop.player())
    first = await ask(shop, intent, key="k")
    again = await ask(shop, intent, key="k")
    assert (again.request, len(shop.script.refund_requests)) == (first.request, 1)
    assert refused(await try_asking(shop, intent, 1, "k")) == "key_reused"


async def test_a_lost_answer_of_the_provider_is_sent_again_and_not_begun_again(shop: Shop):
    await rule(shop)
    shop.script.on_refund = Lost()
    asked = await ask(shop, await shop.buy(await shop.player()))
    assert asked.refund is not None
    assert (asked.request.state, asked.refund.state) == ("granted", "unknown")
    shop.script.on_refund = None
    assert await shop.later(minutes=1) == 1
    after = await seen(shop, asked)
    assert after.refund is not None
    assert after.refund.state == "succeeded"
    assert refused(await try_granting(shop, asked)) == "refund_request_closed"
    assert await shop.left() == {}


async def test_every_version_stays_and_the_same_rules_are_no_new_one(shop: Shop):
    assert (await rule(shop)).version == 1
    assert (await rule(shop)).version == 1
    assert (await rule(shop, RefundPolicy())).version == 2
    first = await get_refund_policy(shop.payments, shop.tenant, 1)
    assert isinstance(first, StoredPolicy)
    assert first.policy == RULES
    early = RefundPolicy(grant=SOON, reject=RejectRule(after_days=1, answer="No."))
    wrong = await set_refund_policy(shop.payments, shop.tenant, "op", early)
    assert refused(wrong) == "invalid_value"
