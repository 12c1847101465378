"""What is published after a payment began vetoes it while its player is still to pay elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.stripe_till import Till, open_till
from tests.payments.test_capture_vetoes import BOUGHT, Late, is_over, limited
from tests.payments.test_timeline import timeline
from tests.payments.turns import turn
from tests.pipelines.test_publish import run, save
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import bind_waiting as binding
from guildbank.payments.usecases.bind_waiting import bind_waiting
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import Annotated, Context, PurchaseView, Veto
from guildbank_transfer.plugin import BankTransferProvider

ASKED, PAGE = "pm_card_authenticationRequired", "checkout"
each_way = pytest.mark.parametrize("method", [ASKED, PAGE], ids=["3-d-secure", "checkout"])


class Meanwhile(Late):
    """A gate during whose answer something else happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().before_provider(context, purchase)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def gate() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
async def till(house: House, lab: LabServer, gate: Meanwhile) -> AsyncIterator[Till]:
    async with open_till(house, lab, ("gate", gate)) as (till, _):
        yield till


async def bind(shop: Shop, **later: float) -> int:
    """Let the job take its turn, `later` than now."""
    shop.clock.by += timedelta(**later)
    return await turn(bind_waiting, shop.payments, shop.tenant)


async def waits(till: Till, player: str, method: str) -> Intent:
    intent = await till.buy(player, method)
    assert intent.state == "requires_action"
    return intent


async def pay_late(till: Till, intent: Intent, method: str) -> str:
    """Let the player pay by what is still open in a window; return what Stripe says then."""
    reference = (await till.attempt(intent)).reference
    if method == ASKED:
        return str((await till.at_lab("/authenticate", payment=reference))["status"])
    return str((await till.at_lab("/pay", session=reference))["status"])


async def pay_unheard(till: Till, intent: Intent, method: str) -> None:
    """Let the player pay without a webhook about it."""
    await till.turn((await till.attempt(intent)).id, "webhook", "unsent", times=0)
    await till.choose(intent, "confirm" if method == ASKED else "pay")


@each_way
async def test_a_new_veto_ends_a_payment_that_waits_at_stripe(till: Till, method: str) -> None:
    shop = till.shop
    player = await limited(shop)
    await shop.rule(ceiling=550)
    intent = await waits(till, player, method)
    assert await shop.expected(player) != {}
    await run(shop, await save(shop, veto=True))
    assert await bind(shop) == 1
    await till.rest()
    await is_over(shop, intent, player)
    assert await shop.expected(player) == {}
    assert await pay_late(till, intent, method) == ("canceled" if method == ASKED else "expired")
    await till.rest()
    await is_over(shop, intent, player)
    vetoed = [one for one in await timeline(shop, intent) if one.kind.startswith("check.")]
    assert [one.kind for one in vetoed] == ["check.vetoed"]
    assert await bind(shop, hours=2) == 0
    # The one that the player may buy is free again.
    await run(shop, None)
    again = await waits(till, player, method)
    await till.choose(again, "confirm" if method == ASKED else "pay")
    await till.reaches(again, "credited")
    assert await shop.coins(player) == BOUGHT


@each_way
async def test_a_new_check_that_lets_pass_is_asked_once_for_each_revision(
    till: Till, gate: Meanwhile, method: str
) -> None:
    shop, player = till.shop, await till.shop.player()
    intent = await waits(till, player, method)
    first = await save(shop, word="one")
    assert await bind(shop) == 0
    await run(shop, first)
    assert [await bind(shop), await bind(shop, hours=2)] == [1, 0]
    assert [view.payment_id for _, view in gate.seen] == [intent.id]
    second = await save(shop, word="two")
    assert await bind(shop) == 0
    await run(shop, second)
    assert [await bind(shop), await bind(shop)] == [1, 0]
    # What let it pass before is not asked anew for being published again.
    await run(shop, first)
    assert [await bind(shop), await bind(shop)] == [1, 0]
    assert [settings["word"] for settings, _ in gate.seen] == ["one", "two"]
    await till.choose(intent, "confirm" if method == ASKED else "pay")
    await till.reaches(intent, "credited")
    assert await shop.coins(player) == BOUGHT


async def test_where_nothing_was_published_since_nobody_looks(till: Till, gate: Meanwhile) -> None:
    shop = till.shop
    await run(shop, await save(shop, word="early"))
    await waits(till, await shop.player(), ASKED)
    gate.seen.clear()
    assert await bind(shop) == 0
    assert await bind(shop, hours=2) == 0
    assert gate.seen == []


async def test_a_canary_binds_its_share_and_the_others_once_it_is_for_all(
    till: Till, gate: Meanwhile
) -> None:
    shop = till.shop
    intents = [await waits(till, await shop.player(), ASKED) for _ in range(6)]
    number = await save(shop, veto=True)
    await run(shop, number, share=50)
    assert [await bind(shop), await bind(shop)] == [6, 0]
    states = [await shop.state(one) for one in intents]
    asked = {view.payment_id for _, view in gate.seen}
    assert [state == "failed" for state in states] == [one.id in asked for one in intents]
    await run(shop, number)
    assert await bind(shop) == 6 - len(asked)
    assert {await shop.state(one) for one in intents} == {"failed"}


@each_way
async def test_who_pays_while_the_veto_is_asked_is_credited(
    till: Till, gate: Meanwhile, method: str
) -> None:
    shop, player = till.shop, await till.shop.player()
    intent = await waits(till, player, method)
    await run(shop, await save(shop, veto=True))
    gate.meanwhile = lambda: pay_unheard(till, intent, method)
    assert await bind(shop) == 1
    assert await shop.state(intent) == "credited"
    assert await shop.coins(player) == BOUGHT
    assert (await shop.kinds()).count("credited") == 1
    assert await bind(shop, hours=2) == 0


@each_way
@pytest.mark.parametrize("effect", ["error_before", "silence"], ids=["not-done", "done-unheard"])
async def test_nothing_ends_that_stripe_does_not_confirm_and_it_is_tried_again(
    till: Till, method: str, effect: str
) -> None:
    shop, player = till.shop, await till.shop.player()
    intent = await waits(till, player, method)
    await run(shop, await save(shop, veto=True))
    attempt = await till.attempt(intent)
    await till.turn(attempt.id, "webhook", "unsent", times=0)
    # The client of Stripe's tries twice more by itself.
    await till.turn(attempt.id, "cancel", effect, times=3)
    assert await bind(shop) == 1
    assert await shop.state(intent) == "requires_action"
    assert await bind(shop) == 0
    for _ in range(3):
        await bind(shop, minutes=2)
    await is_over(shop, intent, player)


async def test_a_check_that_does_not_answer_is_asked_again_and_refuses_in_the_end(
    till: Till, gate: Meanwhile
) -> None:
    shop, player = till.shop, await till.shop.player()
    intent = await waits(till, player, ASKED)
    await run(shop, await save(shop, word="late"))
    gate.away = True
    assert [await bind(shop), await bind(shop)] == [1, 0]
    assert await shop.state(intent) == "requires_action"
    for _ in range(binding.PATIENCE - 2):
        assert await bind(shop, minutes=2) == 1
        assert await shop.state(intent) == "requires_action"
    assert await bind(shop, minutes=2) == 1
    ended = (await shop.dossier(intent)).intent
    assert (ended.state, ended.problem) == ("failed", "gate_unavailable")
    assert await shop.left() == {}


async def test_a_check_that_answers_in_time_lets_pass(till: Till, gate: Meanwhile) -> None:
    shop = till.shop
    intent = await waits(till, await shop.player(), ASKED)
    await run(shop, await save(shop, word="late"))
    gate.away = True
    assert await bind(shop) == 1
    gate.away = False
    assert [await bind(shop, seconds=11), await bind(shop, hours=2)] == [1, 0]
    assert await shop.state(intent) == "requires_action"


async def test_workers_that_race_ask_once(till: Till, gate: Meanwhile) -> None:
    shop = till.shop
    await waits(till, await shop.player(), ASKED)
    await run(shop, await save(shop, word="late"))
    gate.meanwhile = lambda: asyncio.sleep(0.3)
    await asyncio.gather(*(bind_waiting(shop.payments, shop.tenant) for _ in range(4)))
    assert len(gate.seen) == 1


async def test_who_dies_while_it_is_asked_leaves_it_to_the_next(
    till: Till, gate: Meanwhile
) -> None:
    shop, player = till.shop, await till.shop.player()
    intent = await waits(till, player, ASKED)
    await run(shop, await save(shop, veto=True))

    asked = asyncio.Event()

    async def never_answers() -> None:
        asked.set()
        await asyncio.Event().wait()

    gate.meanwhile = never_answers
    dying = asyncio.create_task(bind_waiting(shop.payments, shop.tenant))
    await asked.wait()
    dying.cancel()
    await asyncio.wait([dying])
    gate.meanwhile = None
    assert await shop.state(intent) == "requires_action"
    assert await bind(shop) == 0
    assert await bind(shop, minutes=2) == 1
    await is_over(shop, intent, player)


async def test_a_bank_transfer_waits_on_and_nobody_is_asked(house: House) -> None:
    gate = Late()
    plugins = (("gate", gate), ("bank_transfer", BankTransferProvider()))
    shop = await open_shop(house, plugins=plugins)
    account = {"holder": "Guild Games GmbH", "iban": "DE89370400440532013000"}
    made = await configure_provider(
        shop.payments, shop.tenant, "bank_transfer", account, enabled=True
    )
    assert not isinstance(made, Refusal), made
    intent = await shop.buy(await shop.player(), provider="bank_transfer")
    before = await shop.state(intent)
    await run(shop, await save(shop, veto=True))
    assert [await bind(shop), await bind(shop, hours=2)] == [1, 0]
    assert (await shop.state(intent), gate.seen) == (before, [])
    await shop.payments.close()
