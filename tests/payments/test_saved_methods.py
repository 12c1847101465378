"""Saved methods of payment: kept where the player agrees, charged again, and let go of for good."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.house import House
from tests.payments.keeper import CARD, Keeper
from tests.payments.scripted import DECLINED
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.turns import turn
from tests.payments.web import Web

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.choose_method import MethodWish
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.list_methods import ShownMethod, list_methods
from guildbank.payments.usecases.mind_methods import mind_methods
from guildbank.payments.usecases.remove_method import RemoveMethod, remove_method
from guildbank.plugin_api import EventKind

NAMES = "SELECT * FROM {table}"


class Counter:
    """A shop with a provider that keeps methods, and what its players do there."""

    def __init__(self, shop: Shop, keeper: Keeper) -> None:
        self.shop = shop
        self.keeper = keeper

    async def buy(self, player: str, **changes: Any) -> Intent | Refusal:
        bought = await self.shop.try_buying(player, provider="keeper", **changes)
        await self.shop.payments.drain()
        return bought

    async def save(self, player: str, **card: Any) -> ShownMethod:
        """Buy and save the card; return it as it is listed last."""
        self.keeper.card = msgspec.structs.replace(CARD, **card)
        bought = await self.buy(player, save_method=True)
        assert isinstance(bought, Intent), bought
        assert bought.state == "credited"
        return (await self.listed(player))[-1]

    async def pay(self, player: str, method_id: str, **changes: Any) -> Intent | Refusal:
        bought = await self.shop.try_buying(player, provider=None, method_id=method_id, **changes)
        await self.shop.payments.drain()
        return bought

    async def listed(self, player: str) -> list[ShownMethod]:
        found = await list_methods(self.shop.payments, self.shop.tenant, player)
        assert not isinstance(found, Refusal)
        return found

    async def remove(self, player: str, method_id: str) -> Refusal | None:
        payments, tenant = self.shop.payments, self.shop.tenant
        done = await remove_method(payments, tenant, player, player, method_id)
        await payments.drain()
        return done

    async def later(self, **span: float) -> int:
        await self.shop.later(**span)
        return await turn(mind_methods, self.shop.payments, self.shop.tenant)

    async def open_account(self, shop: str) -> None:
        settings = {"secret": SECRET, "shop": shop}
        made = await configure_provider(
            self.shop.payments, self.shop.tenant, "keeper", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made

    async def rows(self, table: str) -> list[dict[str, Any]]:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            return [dict(row) for row in await tx.driver.fetch(NAMES.format(table=table))]


@pytest.fixture
async def counter(house: House) -> AsyncIterator[Counter]:
    keeper = Keeper()
    shop = await open_shop(house, plugins=(("keeper", keeper),))
    counter = Counter(shop, keeper)
    await counter.open_account("first")
    yield counter
    await shop.payments.close()


def code_of(found: object) -> str:
    assert isinstance(found, Refusal), found
    return found.code


@pytest.fixture
async def own(counter: Counter) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    player = await counter.shop.player()
    async with await Web(counter.shop).player(player) as http:
        yield player, http


async def test_a_player_saves_a_card_sees_it_and_pays_by_it_again(
    counter: Counter, own: tuple[str, httpx.AsyncClient]
):
    player, http = own
    body = {"packId": counter.shop.pack, "currency": "EUR", "provider": "keeper"}
    bought = await http.post(
        "/v1/payments", json={**body, "saveMethod": True}, headers={"idempotency-key": "a"}
    )
    assert bought.status_code == 201, bought.text
    await counter.shop.payments.drain()
    path = f"/v1/players/{player}/payment-methods"
    (card,) = (await http.get(path)).json()["items"]
    assert (card["brand"], card["lastFour"]) == ("visa", "4242")
    assert (card["expiresYear"], card["expiresMonth"], card["problem"]) == (2090, 12, None)
    assert card["consent"]["by"] == player
    assert card["consent"]["paymentId"] == bought.json()["id"]
    # The provider is the card's: the game need not know it.
    again = {"packId": counter.shop.pack, "currency": "EUR", "methodId": card["id"]}
    paid = await http.post("/v1/payments", json=again, headers={"idempotency-key": "b"})
    assert (paid.status_code, paid.json()["state"]) == (201, "credited"), paid.text
    assert await counter.shop.coins(player) == {"paid": 1000, "bonus": 100}
    assert (await http.delete(f"{path}/{card['id']}")).status_code == 204
    assert (await http.delete(f"{path}/{card['id']}")).status_code == 204
    assert (await http.get(path)).json()["items"] == []
    await counter.shop.payments.drain()
    late = await http.post("/v1/payments", json=again, headers={"idempotency-key": "c"})
    assert (late.status_code, late.json()["code"]) == (409, "payment_method_removed")


async def test_coins_are_bought_by_a_saved_card_at_the_fixed_endpoints(
    counter: Counter, own: tuple[str, httpx.AsyncClient]
):
    player, http = own
    saved = await http.post(
        "/wallet/buy",
        json={"amount": 500, "currency": "GEM", "paymentMethod": "keeper", "saveMethod": True},
    )
    assert saved.status_code == 200, saved.text
    await counter.shop.payments.drain()
    (card,) = await counter.listed(player)
    again = {"amount": 500, "currency": "GEM", "paymentMethod": card.method.id}
    paid = await http.post("/wallet/buy", json=again)
    assert (paid.status_code, paid.json()["newBalance"]) == (200, 1100), paid.text


async def test_without_the_player_s_word_nothing_is_kept(counter: Counter):
    player = await counter.shop.player()
    assert isinstance(await counter.buy(player), Intent)
    assert await counter.listed(player) == []
    assert counter.keeper.openings == []


async def test_a_provider_that_keeps_nothing_says_so_and_charges_nothing(counter: Counter):
    player = await counter.shop.player()
    refused = await counter.shop.try_buying(player, provider="scripted", save_method=True)
    assert code_of(refused) == "payment_methods_not_saved"
    assert counter.shop.script.requests == []


async def test_two_purchases_at_once_make_one_customer(counter: Counter):
    player = await counter.shop.player()
    await asyncio.gather(*(counter.buy(player, save_method=True) for _ in range(4)))
    assert len({one.idempotency_key for one in counter.keeper.openings}) == 1
    assert len(await counter.rows("payments_customer")) == 1


async def test_an_answer_that_was_lost_leaves_one_customer_and_no_charge(counter: Counter):
    player = await counter.shop.player()
    counter.keeper.loses_openings = 1
    assert code_of(await counter.buy(player, save_method=True)) == "provider_silent"
    assert counter.keeper.requests == []
    await counter.save(player)
    assert list(counter.keeper.customers.values()) == ["cus_0"]


async def test_what_the_provider_calls_things_is_stored_sealed_alone(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player)
    await counter.pay(player, card.method.id)
    tables = ("payments_customer", "payments_method", "payments_attempt", "journal_entry")
    rows = [row for table in tables for row in await counter.rows(table)]
    words = "".join(map(str, rows))
    assert card.method.id in words
    for secret in ("cus_0", card.known.reference, '"4242"', "last_four"):
        assert secret not in words


@pytest.mark.parametrize("whose", ["another", "nobody"])
async def test_a_card_of_another_player_is_unknown(counter: Counter, whose: str):
    card = await counter.save(await counter.shop.player())
    thief = await counter.shop.player()
    asked = card.method.id if whose == "another" else new_id("pmt")
    before = len(counter.keeper.requests)
    assert code_of(await counter.pay(thief, asked)) == "unknown_payment_method"
    assert code_of(await counter.remove(thief, asked)) == "not_found"
    assert len(counter.keeper.requests) == before
    assert counter.keeper.removals == []


async def test_a_card_is_charged_by_its_own_provider_alone(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player)
    refused = await counter.shop.try_buying(player, method_id=card.method.id)
    assert code_of(refused) == "payment_method_elsewhere"
    mixed = await counter.pay(player, card.method.id, method="pm_1")
    assert code_of(mixed) == "invalid_value"


async def test_a_removed_card_is_let_go_of_until_the_provider_has(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player)
    counter.keeper.refuses_removals = 2
    assert await counter.remove(player, card.method.id) is None
    assert await counter.listed(player) == []
    await counter.later(seconds=31)
    await counter.later(minutes=6)
    assert counter.keeper.removals == [card.known.reference] * 3
    assert counter.keeper.kept == {}
    assert await counter.later(days=9) == 0
    assert code_of(await counter.pay(player, card.method.id)) == "payment_method_removed"
    (row,) = await counter.rows("payments_method")
    assert (row["state"], row["sealed"], row["code"]) == ("removed", None, "asked")


async def test_an_expired_card_pays_again_once_its_bank_renewed_it(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player, expires_year=2020, expires_month=1)
    assert card.problem == "payment_method_expired"
    assert code_of(await counter.pay(player, card.method.id)) == "payment_method_expired"
    customer, known = counter.keeper.kept[card.known.reference]
    renewed = msgspec.structs.replace(known, expires_year=2091)
    counter.keeper.kept[card.known.reference] = (customer, renewed)
    assert isinstance(await counter.pay(player, card.method.id), Intent)
    assert [one.known.expires_year for one in await counter.listed(player)] == [2091]


async def test_a_card_that_is_removed_while_it_is_asked_about_is_not_charged(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player, expires_year=2020, expires_month=1)
    customer, known = counter.keeper.kept[card.known.reference]
    renewed = msgspec.structs.replace(known, expires_year=2091)
    counter.keeper.kept[card.known.reference] = (customer, renewed)
    asked, shop = len(counter.keeper.requests), counter.shop

    async def remove() -> None:
        act = RemoveMethod(player, player, card.method.id)
        assert isinstance(await shop.house.journal.submit(shop.tenant.schema, act), Receipt)
        counter.keeper.meanwhile = None

    counter.keeper.meanwhile = remove
    bought = await counter.pay(player, card.method.id)
    assert isinstance(bought, Intent)
    assert (bought.state, bought.problem) == ("failed", "payment_method_removed")
    assert len(counter.keeper.requests) == asked


async def test_a_card_belongs_to_the_account_that_it_was_saved_with(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player)
    await counter.open_account("second")
    assert code_of(await counter.pay(player, card.method.id)) == "payment_method_elsewhere"
    assert [one.problem for one in await counter.listed(player)] == ["payment_method_elsewhere"]
    other = await counter.save(player, last_four="4444")
    assert isinstance(await counter.pay(player, other.method.id), Intent)
    # Back at the first account, its card and its customer are good again.
    await counter.open_account("first")
    assert isinstance(await counter.pay(player, card.method.id), Intent)
    assert len(await counter.rows("payments_customer")) == 2


async def test_the_same_card_is_listed_once_and_an_eleventh_is_not_saved(counter: Counter):
    player = await counter.shop.player()
    first = await counter.save(player, fingerprint="one")
    again = await counter.save(player, fingerprint="one")
    assert [one.method.id for one in await counter.listed(player)] == [again.method.id]
    assert counter.keeper.removals == [first.known.reference]
    for number in range(9):
        await counter.save(player, fingerprint=f"more-{number}")
    asked = len(counter.keeper.requests)
    assert code_of(await counter.buy(player, save_method=True)) == "payment_methods_full"
    assert len(counter.keeper.requests) == asked
    assert len(await counter.listed(player)) == 10


async def test_a_provider_that_did_not_say_what_it_kept_is_asked_again(counter: Counter):
    player = await counter.shop.player()
    await counter.save(player)
    counter.keeper.is_silent = True
    bought = await counter.buy(player, save_method=True)
    # Its customer is known, so only the card's name is missing.
    assert isinstance(bought, Intent)
    assert len(await counter.listed(player)) == 1
    counter.keeper.is_silent = False
    await counter.later(minutes=1)
    assert len(await counter.listed(player)) == 2


@pytest.mark.parametrize("change", ["detached", "renewed"])
async def test_what_becomes_of_a_card_at_the_provider_is_followed(counter: Counter, change: str):
    player = await counter.shop.player()
    card = await counter.save(player)
    reference = card.known.reference
    customer, known = counter.keeper.kept.pop(reference)
    if change == "renewed":
        later = msgspec.structs.replace(known, expires_year=2095)
        counter.keeper.kept[reference] = (customer, later)
    for named in (reference, "pm_of_another_shop"):
        heard = await counter.shop.event(
            EventKind.METHOD_CHANGED, provider="keeper", method_reference=named
        )
        assert heard is True
    years = [one.known.expires_year for one in await counter.listed(player)]
    assert years == ([2095] if change == "renewed" else [])
    if change == "detached":
        assert code_of(await counter.pay(player, card.method.id)) == "payment_method_removed"
        assert counter.keeper.removals == []


async def test_a_card_that_its_provider_does_not_know_any_more_is_dropped_when_it_is_refused(
    counter: Counter,
):
    player = await counter.shop.player()
    card = await counter.save(player)
    counter.keeper.kept.clear()
    bought = await counter.pay(player, card.method.id)
    assert isinstance(bought, Intent)
    assert bought.state == "requires_payment_method"
    assert await counter.listed(player) == []


async def test_a_declined_payment_is_tried_again_by_a_saved_card(counter: Counter):
    player = await counter.shop.player()
    card = await counter.save(player)
    counter.keeper.on_create = DECLINED
    bought = await counter.buy(player)
    assert isinstance(bought, Intent)
    counter.keeper.on_create = None
    async with await Web(counter.shop).player(player) as http:
        tried = await http.post(
            f"/v1/payments/{bought.id}/attempts",
            json={"methodId": card.method.id},
            headers={"idempotency-key": "again"},
        )
    assert (tried.status_code, tried.json()["state"]) == (201, "credited"), tried.text


def test_a_wish_is_none_without_a_method_and_without_saving():
    assert not MethodWish()
    assert MethodWish(save=True)
    assert MethodWish("pmt_1")
