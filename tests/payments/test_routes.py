"""Routes lead purchases to providers, fall back only where nothing was charged, and say why."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, MANIFEST, NOT_FOUND, Lost, Scripted
from tests.payments.shop import SECRET, Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.pipelines import Because, Route, Stages
from guildbank.pipelines.contracts import Share, Span, When
from guildbank.plugin_api import Decline, NextAction, Outcome, OutcomeStatus
from guildbank.store.contracts import Price

AWAY = Outcome(
    status=OutcomeStatus.DECLINED, code="temporarily_down", decline=Decline.PROVIDER_UNAVAILABLE
)


class Mall(Shop):
    """A shop with three providers; `pounds` takes nothing but GBP."""

    second: Scripted
    pounds: Scripted


@pytest.fixture
async def mall(house: House) -> AsyncIterator[Mall]:
    second = Scripted(msgspec.structs.replace(MANIFEST, id="second"))
    only = msgspec.structs.replace(MANIFEST, id="pounds", currencies=frozenset({"GBP"}))
    pounds = Scripted(only)
    shop = await open_shop(house, plugins=(("second", second), ("pounds", pounds)))
    shop.__class__ = Mall
    assert isinstance(shop, Mall)
    shop.second, shop.pounds = second, pounds
    for name in ("second", "pounds"):
        await switch(shop, name)
    yield shop
    await shop.payments.drain()


async def switch(shop: Shop, provider: str, *, on: bool = True) -> None:
    made = await configure_provider(
        shop.payments, shop.tenant, provider, {"secret": SECRET}, enabled=on
    )
    assert not isinstance(made, Refusal), made


def route(id_: str, *to: str, when: When | None = None, otherwise: tuple[str, ...] = ()) -> Route:
    return Route(id_, tuple(Share(one) for one in to), when or When(), otherwise)


async def reasons(shop: Shop, intent: Intent) -> list[tuple[str, Because]]:
    attempts = (await shop.dossier(intent)).attempts
    return [(one.provider, msgspec.json.decode(one.because, type=Because)) for one in attempts]


async def test_the_first_route_that_fits_leads_to_its_provider(mall: Mall):
    await mall.publish_stages(
        Stages(
            routes=(
                route("japan", "second", when=When(countries=("JP",))),
                route("large", "second", when=When(amounts=(Span("EUR", 500),))),
                route("mobile", "second", when=When(platforms=("ios", "android"))),
                route("others", "scripted"),
            )
        )
    )
    player = await mall.player()
    led = {
        "japan": await mall.buy(player, provider=None, country="JP"),
        "mobile": await mall.buy(player, provider=None, platform="ios"),
        "others": await mall.buy(player, provider=None, country="DE", platform="web"),
    }
    assert {name: one.provider for name, one in led.items()} == {
        "japan": "second", "mobile": "second", "others": "scripted",
    }  # fmt: skip
    for name, intent in led.items():
        [(_, because)] = await reasons(mall, intent)
        assert because == Because(by="route", route=name)
    await mall.save(pack_id=mall.pack, prices=(Price(500, "EUR"),))
    assert (await mall.buy(player, provider=None)).provider == "second"


async def test_a_split_shares_payments_by_weight(mall: Mall):
    split = Route("split", (Share("scripted", 3), Share("second", 1)))
    await mall.publish_stages(Stages(routes=(split,)))
    player = await mall.player()
    got = [(await mall.buy(player, provider=None)).provider for _ in range(60)]
    # Three of four; so far off is one in ten thousand.
    assert 30 <= got.count("scripted") <= 57


async def test_a_provider_that_is_away_is_followed_by_the_next_one(mall: Mall):
    await mall.publish_stages(
        Stages(routes=(route("all", "scripted", otherwise=("pounds", "second")),))
    )
    mall.script.on_create = AWAY
    player = await mall.player()
    paid = await mall.buy(player, provider=None)
    assert (paid.state, paid.provider) == ("credited", "second")
    assert await reasons(mall, paid) == [
        ("scripted", Because(by="route", route="all", passed_over=("pounds",))),
        (
            "second",
            Because(
                by="fallback", route="all", after="provider_unavailable", passed_over=("pounds",)
            ),
        ),
    ]
    assert await mall.coins(player) == {"paid": 500, "bonus": 50}
    assert await mall.kinds() == [
        "created", "attempted", "declined", "attempted", "credited",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        Outcome(status=OutcomeStatus.UNKNOWN),
        Lost("the answer got lost"),
        Outcome(status=OutcomeStatus.PENDING),
    ],
    ids=["unknown", "lost", "pending"],
)
async def test_nothing_follows_a_provider_that_may_have_charged(
    mall: Mall, answer: Outcome | Exception
):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    mall.script.on_create = answer
    waits = await mall.buy(await mall.player(), provider=None)
    assert waits.attempts == 1
    assert mall.second.requests == []


async def test_a_card_without_money_is_not_tried_elsewhere(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    mall.script.on_create = Outcome(
        status=OutcomeStatus.DECLINED, code="51", decline=Decline.INSUFFICIENT_FUNDS
    )
    waits = await mall.buy(await mall.player(), provider=None)
    assert (waits.state, waits.problem) == ("requires_payment_method", "insufficient_funds")
    assert mall.second.requests == []


async def test_a_suspected_fraud_ends_the_payment(mall: Mall):
    mall.script.on_create = Outcome(
        status=OutcomeStatus.DECLINED, code="stolen_card", decline=Decline.FRAUD_SUSPECTED
    )
    ended = await mall.buy(await mall.player())
    assert (ended.state, ended.problem) == ("failed", "fraud_suspected")


async def test_a_fallback_asks_the_player_by_the_next_providers_page(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    mall.script.on_create = NOT_FOUND
    page = NextAction(kind="redirect", url="https://second.example/pay")
    mall.second.on_create = Outcome(status=OutcomeStatus.PENDING, next_action=page)
    waits = await mall.buy(
        await mall.player(), provider=None, method="card_1", return_url="https://game.example/"
    )
    assert (waits.state, waits.provider) == ("requires_action", "second")
    [asked] = mall.second.requests
    assert (asked.method, asked.return_url) == (None, "https://game.example/")


async def test_routes_are_what_a_buyer_may_choose_from(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    player = await mall.player()
    chosen = await mall.buy(player, provider="second")
    assert (chosen.provider, await reasons(mall, chosen)) == (
        "second",
        [("second", Because(route="all"))],
    )
    refused = await mall.try_buying(player, provider="pounds")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("provider_not_offered", "provider")


async def test_a_purchase_that_no_route_takes_is_refused_and_leaves_nothing(mall: Mall):
    await mall.publish_stages(
        Stages(routes=(route("pounds", "pounds", when=When(currencies=("GBP",))),))
    )
    player = await mall.player()
    for named in (None, "scripted"):
        refused = await mall.try_buying(player, provider=named)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.field) == ("no_route", "provider")
    assert await mall.kinds() == []


async def test_a_route_passes_over_providers_that_are_switched_off(mall: Mall):
    await mall.publish_stages(
        Stages(routes=(route("all", "scripted", "second", otherwise=("pounds",)),))
    )
    await switch(mall, "scripted", on=False)
    player = await mall.player()
    for _ in range(5):
        intent = await mall.buy(player, provider=None)
        assert intent.provider == "second"
        [(_, because)] = await reasons(mall, intent)
        assert because.passed_over == ("scripted", "pounds")
    await switch(mall, "second", on=False)
    refused = await mall.try_buying(player, provider=None)
    assert isinstance(refused, Refusal)
    assert refused.code == "no_route"


async def test_without_routes_the_only_provider_is_taken_and_among_several_one_is_named(
    mall: Mall,
):
    player = await mall.player()
    refused = await mall.try_buying(player, provider=None)
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_required"
    await switch(mall, "second", on=False)
    taken = await mall.buy(player, provider=None)
    assert await reasons(mall, taken) == [("scripted", Because(by="only"))]


async def test_a_payment_keeps_the_routes_that_it_began_with(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("old", "scripted", otherwise=("second",)),)))
    mall.script.on_create = Outcome(status=OutcomeStatus.DECLINED, code="05")
    waits = await mall.buy(await mall.player(), provider=None)
    await mall.publish_stages(Stages(routes=(route("new", "pounds"),)))
    mall.script.on_create = AWAY
    paid = await mall.retry(waits)
    assert isinstance(paid, Intent)
    assert (paid.state, paid.provider) == ("credited", "second")
    assert [because.route for _, because in await reasons(mall, paid)] == ["old"] * 3


async def test_beside_a_provider_that_the_buyer_named_nobody_is_asked(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    mall.script.on_create = AWAY
    waits = await mall.buy(await mall.player(), provider="scripted")
    assert (waits.state, waits.provider) == ("requires_payment_method", "scripted")
    assert await reasons(mall, waits) == [("scripted", Because(route="all"))]
    # Nor when the buyer tries again without a word on who is to take it.
    again = await mall.retry(waits)
    assert not isinstance(again, Refusal)
    assert (again.state, mall.second.requests) == ("requires_payment_method", [])


async def test_a_second_try_that_names_nobody_goes_on_by_the_route(mall: Mall):
    await mall.publish_stages(Stages(routes=(route("all", "scripted", otherwise=("second",)),)))
    mall.script.on_create = DECLINED
    waits = await mall.buy(await mall.player(), provider=None)
    assert waits.state == "requires_payment_method"
    mall.script.on_create = AWAY
    paid = await mall.retry(waits)
    assert not isinstance(paid, Refusal)
    assert (paid.state, paid.provider) == ("credited", "second")
