"""What is published after a payment began vetoes it until our own call has taken its money."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.house import House
from tests.payments.paypal_till import Till
from tests.payments.shop import Shop, open_shop
from tests.payments.steam_till import SteamTill
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run, save
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.look import look_at_attempt
from guildbank.plugin_api import Annotated, Context, Outcome, PurchaseView, Veto
from guildbank_paypal.plugin import PayPalProvider
from guildbank_steampay.plugin import SteamWalletProvider

BOUGHT = {"paid": 500, "bonus": 50}


class Late(Gate):
    """A gate that may be away, and remembers whom it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        if self.away:
            raise ConnectionError("the list cannot be read")
        return await self.admit(context, purchase)


class Dying(PayPalProvider):
    """A PayPal whose caller dies once, before the call that takes the money."""

    dies = False

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        if self.dies:
            self.dies = False
            raise asyncio.CancelledError
        return await super().capture_payment(context, attempt_id, reference)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=3) as running:
        yield running


@pytest.fixture
async def gate() -> Late:
    return Late()


@asynccontextmanager
async def opened(
    house: House, gate: Gate, id_: str, plugin: object, settings: dict[str, Any]
) -> AsyncIterator[Shop]:
    shop = await open_shop(house, plugins=(("gate", gate), (id_, plugin)))
    made = await configure_provider(shop.payments, shop.tenant, id_, settings, enabled=True)
    assert not isinstance(made, Refusal), made
    yield shop
    await shop.payments.close()


@pytest.fixture
async def paypal(house: House, lab: LabServer, gate: Late) -> AsyncIterator[Till]:
    settings = await asyncio.to_thread(lab.open_paypal, "http://127.0.0.1:9/hook")
    plugin = Dying(timeout_seconds=2)
    async with opened(house, gate, "paypal", plugin, settings) as shop:
        yield Till(shop, lab)


@pytest.fixture
async def steam(house: House, lab: LabServer, gate: Late) -> AsyncIterator[SteamTill]:
    settings = await asyncio.to_thread(lab.open_steam)
    plugin = SteamWalletProvider(timeout_seconds=2)
    async with opened(house, gate, "steam_wallet", plugin, settings) as shop:
        yield SteamTill(shop, lab, settings)


async def limited(shop: Shop) -> str:
    """Let the pack be bought once by each player."""
    shop.pack = (await shop.save(limit_per_player=1)).id
    return await shop.player()


async def is_over(shop: Shop, intent: Intent, player: str) -> None:
    """Nothing was taken, what was reserved is back, and the player is told why."""
    ended = (await shop.dossier(intent)).intent
    assert (ended.state, ended.problem) == ("failed", "purchase_vetoed")
    assert ended.problem_detail == "Come back tomorrow."
    assert await shop.money() == {}
    assert await shop.coins(player) == {}


async def test_a_new_veto_ends_a_paypal_payment_that_its_player_approved(paypal: Till) -> None:
    shop = paypal.shop
    player = await limited(shop)
    intent = await paypal.buy(player)
    await run(shop, await save(shop, veto=True))
    await paypal.choose(intent, "no_webhooks")
    assert await paypal.poll(intent) == "failed"
    await is_over(shop, intent, player)
    await run(shop, None)
    # The one that the player may buy is free again, and what was ended stays so.
    again = await paypal.buy(player)
    await paypal.choose(again, "no_webhooks")
    assert await paypal.poll(again) == "credited"
    assert await paypal.poll(intent) == "failed"
    assert await shop.coins(player) == BOUGHT


async def test_a_new_check_that_lets_pass_is_asked_before_paypal_s_money_is_taken(
    paypal: Till, gate: Late
) -> None:
    player = await paypal.shop.player()
    intent = await paypal.buy(player)
    await run(paypal.shop, await save(paypal.shop, word="late"))
    await paypal.choose(intent, "no_webhooks")
    assert gate.seen == []
    assert await paypal.poll(intent) == "credited"
    assert [view.payment_id for _, view in gate.seen] == [intent.id]
    assert await paypal.shop.coins(player) == BOUGHT


async def test_without_a_new_check_nobody_is_asked_again(paypal: Till, gate: Late) -> None:
    await run(paypal.shop, await save(paypal.shop, word="early"))
    intent = await paypal.buy(await paypal.shop.player())
    gate.seen.clear()
    await paypal.choose(intent, "no_webhooks")
    assert await paypal.poll(intent) == "credited"
    assert gate.seen == []


async def test_a_check_that_does_not_answer_takes_no_money_until_it_does(
    paypal: Till, gate: Late
) -> None:
    player = await paypal.shop.player()
    intent = await paypal.buy(player)
    await run(paypal.shop, await save(paypal.shop, word="late"))
    gate.away = True
    await paypal.choose(intent, "no_webhooks")
    for _ in range(2):
        assert await paypal.poll(intent) in ("processing", "requires_action")
    assert await paypal.shop.money() == {}
    gate.away = False
    assert await paypal.poll(intent) == "credited"
    assert await paypal.shop.coins(player) == BOUGHT


async def test_where_paypal_does_not_confirm_the_end_nothing_is_taken_and_it_is_asked_again(
    paypal: Till,
) -> None:
    shop, player = paypal.shop, await paypal.shop.player()
    intent = await paypal.buy(player)
    await run(shop, await save(shop, veto=True))
    await paypal.choose(intent, "no_webhooks")
    attempt = (await shop.dossier(intent)).attempts[-1]
    await asyncio.to_thread(paypal.lab.turn, attempt.id, "patch", "error_before")
    assert await paypal.poll(intent) != "failed"
    assert await shop.money() == {}
    assert await paypal.poll(intent) == "failed"
    await is_over(shop, intent, player)


@pytest.mark.parametrize("vetoed", [False, True], ids=["let-pass", "vetoed-meanwhile"])
async def test_who_dies_between_the_answer_and_the_capture_is_asked_anew(
    paypal: Till, gate: Late, vetoed: bool
) -> None:
    shop, player = paypal.shop, await paypal.shop.player()
    intent = await paypal.buy(player)
    await run(shop, await save(shop, word="late"))
    await paypal.choose(intent, "no_webhooks")
    plugin = shop.payments.plugins.provider("paypal")
    assert isinstance(plugin, Dying)
    plugin.dies = True
    attempt = (await shop.dossier(intent)).attempts[-1]
    with pytest.raises(asyncio.CancelledError):
        await look_at_attempt(shop.payments, shop.tenant, attempt)
    assert len(gate.seen) == 1
    assert await shop.money() == {}
    if vetoed:
        await run(shop, await save(shop, veto=True))
    shop.clock.by += timedelta(minutes=5)
    assert await paypal.poll(intent) == ("failed" if vetoed else "credited")
    assert len(gate.seen) == 2
    if vetoed:
        await is_over(shop, intent, player)
    else:
        assert await shop.coins(player) == BOUGHT
        assert (await shop.kinds()).count("credited") == 1


async def test_a_new_veto_ends_a_steam_payment_when_it_is_confirmed(steam: SteamTill) -> None:
    shop = steam.shop
    player = await limited(shop)
    intent = await steam.buy(player)
    heard = await steam.approve(intent)
    await run(shop, await save(shop, veto=True))
    refused = await steam.confirm(intent, heard)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.detail) == ("purchase_vetoed", "Come back tomorrow.")
    await is_over(shop, intent, player)
    await run(shop, None)
    late = await steam.confirm(intent, heard)
    assert isinstance(late, Refusal)
    assert late.code == "payment_not_confirmable"
    again = await steam.buy(player)
    assert isinstance(await steam.confirm(again, await steam.approve(again)), Receipt)
    assert await shop.coins(player) == BOUGHT


async def test_a_steam_payment_whose_check_does_not_answer_is_confirmed_later(
    steam: SteamTill, gate: Late
) -> None:
    player = await steam.shop.player()
    intent = await steam.buy(player)
    heard = await steam.approve(intent)
    await run(steam.shop, await save(steam.shop, word="late"))
    gate.away = True
    refused = await steam.confirm(intent, heard)
    assert isinstance(refused, Refusal)
    assert refused.code == "gate_unavailable"
    assert await steam.shop.state(intent) == "requires_action"
    assert await steam.shop.money() == {}
    gate.away = False
    assert isinstance(await steam.confirm(intent, heard), Receipt)
    assert await steam.shop.coins(player) == BOUGHT
