"""A step that charges is believed only where its lines add up; else the purchase does not begin."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.charging import Charging, fee, sales_tax, vat
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.payments.charged import charges_of
from guildbank.payments.contracts.sale import Whence
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.usecases.check import find_problems
from guildbank.plugin_api import Charge, Charged, Veto


@pytest.fixture
def levy() -> Charging:
    return Charging()


@pytest.fixture
async def shop(house: House, levy: Charging) -> Shop:
    shop = await open_shop(house, plugins=(("vat", levy),))
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    return shop


def tax(amount: Any, **changes: Any) -> Charge:
    return Charge(kind=changes.pop("kind", "tax"), label=changes.pop("label", "VAT"),
                  amount_minor=amount, **changes)  # fmt: skip


NO_LINES: Any = (7,)
NONSENSE: dict[str, object] = {
    "no answer": None,
    "an exception": RuntimeError("no table"),
    "an amount below zero": Charged(charges=(tax(-1),)),
    "half a cent": Charged(charges=(tax(0.5),)),
    "a yes": Charged(charges=(tax(True),)),
    "more than the price is added": Charged(charges=(fee(300), fee(200))),
    "more than the price is in it": Charged(charges=(fee(500, included=True),)),
    "the same price is taken twice": Charged(charges=(vat(499, "100"), vat(499, "100"))),
    "a rate that does not come to its amount": Charged(charges=(tax(40, rate="8.25"),)),
    "a rate above 100 percent": Charged(charges=(tax(499, rate="101"),)),
    "a rate below zero": Charged(charges=(tax(0, rate="-1"),)),
    "a rate that is no text": Charged(charges=(tax(95, rate=19),)),
    "a tax of fees that are not there": Charged(charges=(tax(1, of="fees", included=True),)),
    "a fee of fees": Charged(charges=(fee(5), tax(1, kind="fee", of="fees"))),
    "another kind": Charged(charges=(tax(1, kind="tip"),)),
    "another part": Charged(charges=(tax(1, of="coins"),)),
    "a label of two lines": Charged(charges=(tax(1, label="VAT\nhuge"),)),
    "no label": Charged(charges=(tax(1, label=" "),)),
    "a label without end": Charged(charges=(tax(1, label="V" * 61),)),
    "lines without end": Charged(charges=(tax(0),) * 21),
    "no lines at all": Charged(charges=NO_LINES),
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_begins_no_purchase(shop: Shop, levy: Charging, said: object) -> None:
    levy.says = lambda _: said
    refused = await shop.try_buying(await shop.player())
    assert isinstance(refused, Refusal)
    assert (refused.code, (refused.extra or {})["step"]) == ("gate_unavailable", "vat")
    assert await shop.kinds() == []
    assert shop.script.requests == []


async def test_whatever_its_manifest_says_a_silent_step_refuses(house: House) -> None:
    levy = Charging(fail_closed=False)
    levy.says = lambda _: RuntimeError("away")
    shop = await open_shop(house, plugins=(("vat", levy),))
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    refused = await shop.try_buying(await shop.player())
    assert isinstance(refused, Refusal)
    assert refused.code == "gate_unavailable"


async def test_a_step_may_veto_and_the_player_reads_why(shop: Shop, levy: Charging) -> None:
    levy.says = lambda _: Veto(code="country_unknown", detail="Say where you are.")
    refused = await shop.try_buying(await shop.player())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.detail) == ("purchase_vetoed", "Say where you are.")


async def test_all_that_can_be_charged_may_be(shop: Shop, levy: Charging) -> None:
    levy.says = lambda one: Charged(charges=(vat(499, "0"), fee(499), tax(0, of="fees", rate="0")))
    bought = await shop.buy(await shop.player())
    assert (bought.state, bought.amount_minor) == ("credited", 998)


async def test_an_address_in_a_label_is_kept_nowhere(shop: Shop, levy: Charging) -> None:
    levy.says = lambda _: Charged(charges=(tax(1, label="VAT of 203.0.113.7"),))
    bought = await shop.buy(await shop.player(), whence=Whence("203.0.113.7"))
    assert [one.label for one in charges_of(bought)] == ["VAT of (address)"]


async def test_a_repeated_call_meets_the_total_of_the_first(shop: Shop, levy: Charging) -> None:
    player = await shop.player()
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor),))
    first = await shop.buy(player, key="once")
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor, "20"),))
    assert (await shop.buy(player, key="once")).amount_minor == first.amount_minor == 540


async def test_only_purchases_are_charged_and_only_by_plugins_that_charge(shop: Shop) -> None:
    pipelines = shop.payments.pipelines
    wrong = Stages(charges=(Step("tax", "scripted"),), before=(Step("two", "vat"),))
    problems = await find_problems(pipelines, shop.tenant, "packs", wrong)
    assert [one.field for one in problems] == ["stages.charges.0.plugin", "stages.before.0.plugin"]
