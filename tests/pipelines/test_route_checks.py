"""Routes that lead nowhere are refused with their place, and those that are kept decide alike."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted
from tests.payments.shop import Shop, open_shop

from guildbank.pipelines import Route, Stages, pick
from guildbank.pipelines.contracts import Share, Span, When
from guildbank.pipelines.usecases.check import find_problems

PROVIDERS = tuple("abcdef")


@pytest.fixture
async def shop(house: House) -> Shop:
    pounds = msgspec.structs.replace(MANIFEST, id="pounds", currencies=frozenset({"GBP"}))
    return await open_shop(house, plugins=(("pounds", Scripted(pounds)),))


def to(*providers: str, when: When | None = None, otherwise: tuple[str, ...] = ()) -> Route:
    return Route("one", tuple(Share(name) for name in providers), when or When(), otherwise)


@pytest.mark.parametrize(
    ("routes", "field"),
    [
        ((to(),), "stages.routes.0.to"),
        ((to("nobody"),), "stages.routes.0.to.0.provider"),
        ((to("scripted", "scripted"),), "stages.routes.0.to.1.provider"),
        ((to("scripted", otherwise=("scripted",)),), "stages.routes.0.otherwise.0"),
        ((to("scripted", otherwise=("pounds", "pounds")),), "stages.routes.0.otherwise.1"),
        ((Route("one", (Share("scripted", 0),)),), "stages.routes.0.to.0.weight"),
        ((Route("One!", (Share("scripted"),)),), "stages.routes.0.id"),
        ((to("scripted", when=When(countries=("XX",))),), "stages.routes.0.when.countries.0"),
        ((to("scripted", when=When(currencies=("EUX",))),), "stages.routes.0.when.currencies.0"),
        ((to("scripted", when=When(platforms=("I OS",))),), "stages.routes.0.when.platforms.0"),
        ((to("scripted", when=When(amounts=(Span("EUR"),))),), "stages.routes.0.when.amounts.0"),
        (
            (to("scripted", when=When(amounts=(Span("EUR", 5, 5),))),),
            "stages.routes.0.when.amounts.0.below",
        ),
        (
            (to("scripted", when=When(currencies=("EUR",), amounts=(Span("USD", 5),))),),
            "stages.routes.0.when.amounts.0.currency",
        ),
        ((to("pounds", when=When(currencies=("GBP", "EUR"))),), "stages.routes.0"),
        ((to("scripted"), Route("two", (Share("pounds"),))), "stages.routes.1"),
        (tuple(Route(f"r{n}", (Share("scripted"),)) for n in range(51)), "stages.routes"),
    ],
)
async def test_a_route_that_cannot_work_is_refused_at_its_place(
    shop: Shop, routes: tuple[Route, ...], field: str
) -> None:
    stages = Stages(routes=routes)
    problems = await find_problems(shop.payments.pipelines, shop.tenant, "packs", stages)
    assert field in [one.field for one in problems]


async def test_a_revision_without_any_step_or_route_is_refused(shop: Shop) -> None:
    [problem] = await find_problems(shop.payments.pipelines, shop.tenant, "packs", Stages())
    assert (problem.field, "publish revision 0" in problem.detail) == ("stages", True)


@given(
    to=some.lists(some.sampled_from(PROVIDERS), min_size=1, unique=True),
    otherwise=some.lists(some.sampled_from(PROVIDERS), unique=True),
    usable=some.sets(some.sampled_from(PROVIDERS)),
    payment=some.uuids(),
)
def test_a_route_asks_usable_providers_once_each_and_its_split_first(
    to: list[str], otherwise: list[str], usable: set[str], payment: object
) -> None:
    route = Route("r", tuple(Share(one) for one in to), otherwise=tuple(otherwise))
    order = pick(route, str(payment), usable)
    assert order == pick(route, str(payment), usable)
    assert set(order) <= usable
    assert len(order) == len(set(order))
    asked = [one for one in to if one in usable]
    assert not asked or order[0] in asked
    rest = order[1:] if asked else order
    assert list(rest) == [one for one in otherwise if one in usable and one not in order[:1]] or (
        not asked and list(rest) == [one for one in otherwise if one in usable]
    )


def test_a_split_is_drawn_in_proportion_to_its_weights() -> None:
    route = Route("r", (Share("a", 1), Share("b", 2), Share("c", 7)))
    drawn = Counter(pick(route, f"pay_{n}", PROVIDERS)[0] for n in range(10_000))
    # Four standard deviations on either side.
    assert abs(drawn["a"] - 1_000) < 120
    assert abs(drawn["b"] - 2_000) < 160
    assert abs(drawn["c"] - 7_000) < 184
