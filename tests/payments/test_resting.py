"""What fails too often is left alone: a provider gets no new payment, a plugin no question."""

import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, Lost
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.infra.error_rate import ErrorRates, Rule
from guildbank.kernel import Refusal
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.pipelines import Route, Stages, Step
from guildbank.pipelines.contracts import Share
from guildbank.plugin_api import Annotated, Context, PurchaseView, Veto

SOON = Rule(errors=3, rate=0.5, pause_seconds=60, trial_errors=1, trial_rate=0, trial_successes=1)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Fickle(Gate):
    """A gate that raises while it is told to, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__("fickle")
        self.asked = 0
        self.fails = False

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.asked += 1
        if self.fails:
            raise RuntimeError("not well")
        return Annotated()


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def fickle() -> Fickle:
    return Fickle()


@pytest.fixture
async def shop(house: House, hand: Hand, fickle: Fickle) -> Shop:
    shop = await open_shop(house, plugins=(("fickle", fickle),))
    shop.payments.rates = ErrorRates(SOON, now=hand)
    shop.payments.pipelines.rates = ErrorRates(SOON, now=hand)
    return shop


async def fail(shop: Shop, times: int) -> None:
    shop.script.on_create = Lost("gone")
    for _ in range(times):
        assert (await shop.buy(await shop.player())).state == "unknown"


async def test_a_provider_that_does_not_answer_gets_no_new_payment_for_a_while(
    shop: Shop, hand: Hand
) -> None:
    await fail(shop, 3)
    refused = await shop.try_buying(await shop.player())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("provider_resting", "provider")
    assert len(shop.script.requests) == 3
    hand.now += 60
    shop.script.on_create = None
    assert (await shop.buy(await shop.player())).state == "credited"
    assert (await shop.buy(await shop.player())).state == "credited"


async def test_a_route_leads_past_a_provider_that_rests(shop: Shop) -> None:
    await shop.publish_stages(Stages(routes=(Route("all", (Share("scripted"),)),)))
    await fail(shop, 3)
    refused = await shop.try_buying(await shop.player(), provider=None)
    assert isinstance(refused, Refusal)
    assert refused.code == "no_route"


async def test_refunds_and_looks_go_on_while_a_provider_rests(shop: Shop) -> None:
    paid = await shop.buy(await shop.player())
    await fail(shop, 3)
    assert (await shop.refunded(paid)).state == "succeeded"
    assert await shop.later(seconds=31) == 3


async def test_declines_are_answers(shop: Shop) -> None:
    shop.script.on_create = DECLINED
    for _ in range(6):
        await shop.buy(await shop.player())
    assert len(shop.script.requests) == 6


async def test_a_plugin_that_fails_is_quarantined_still_refuses_and_comes_back_by_itself(
    shop: Shop, hand: Hand, fickle: Fickle
) -> None:
    await shop.publish_stages(Stages(before=(Step("mood", "fickle"),)))
    fickle.fails = True
    for _ in range(5):
        refused = await shop.buy(await shop.player())
        assert (refused.state, refused.problem) == ("failed", "gate_unavailable")
    assert fickle.asked == 3
    found = await read_timeline(shop.payments, shop.tenant, refused.id)
    assert not isinstance(found, Refusal)
    [check] = [one for one in found if one.kind == "check.failed"]
    assert check.facts["code"] == "quarantined"
    fickle.fails = False
    hand.now += 60
    assert (await shop.buy(await shop.player())).state == "credited"


async def test_a_quarantined_plugin_is_left_out_by_the_next_revision(
    shop: Shop, fickle: Fickle
) -> None:
    await shop.publish_stages(Stages(before=(Step("mood", "fickle"),)))
    fickle.fails = True
    for _ in range(4):
        await shop.buy(await shop.player())
    await shop.publish_stages(Stages(routes=(Route("all", (Share("scripted"),)),)))
    assert (await shop.buy(await shop.player(), provider=None)).state == "credited"
