"""What is sent and shown of the routes of a revision: money as decimal strings."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from guildbank.infra.http import (
    Body,
    CountryCode,
    Money,
    View,
    problem_for,
    read_money,
    write_money,
)
from guildbank.infra.http.schema import CurrencyText, MoneyText
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    MAX_PROVIDERS,
    MAX_ROUTES,
    MAX_WEIGHT,
    Route,
    Share,
    Span,
    When,
)

MAX_NAMED = 300
"""Countries, currencies, products or platforms that a route names."""
PluginName = Annotated[str, Meta(min_length=1, max_length=64)]
RouteName = Annotated[str, Meta(min_length=1, max_length=40)]
ProductName = Annotated[str, Meta(min_length=1, max_length=90)]
Others = Annotated[list[PluginName], Meta(max_length=MAX_PROVIDERS)]
T = TypeVar("T")
Named = Annotated[list[T], Meta(max_length=MAX_NAMED)]


class SpanBody(Body):
    """Prices of a currency: `atLeast` and more, less than `below`."""

    __example__: ClassVar = {"currency": "EUR", "atLeast": "10.00", "below": None}

    currency: CurrencyText
    at_least: MoneyText | None = None
    below: MoneyText | None = None


class WhenBody(Body):
    """Which purchases a route takes: what is named must fit, what is left out takes all.

    A purchase of no known country or platform fits no route that names some.
    """

    __example__: ClassVar = {"countries": ["DE", "AT"], "currencies": ["EUR"], "amounts": []}

    countries: Named[CountryCode] = msgspec.field(default_factory=list)
    currencies: Named[CurrencyText] = msgspec.field(default_factory=list)
    products: Named[ProductName] = msgspec.field(default_factory=list)
    platforms: Named[RouteName] = msgspec.field(default_factory=list)
    amounts: Annotated[list[SpanBody], Meta(max_length=20)] = msgspec.field(default_factory=list)


class RouteShareBody(Body):
    """A provider, and its part of the payments in proportion to the other weights."""

    __example__: ClassVar = {"provider": "sandbox", "weight": 70}

    provider: PluginName
    weight: Annotated[int, Meta(ge=1, le=MAX_WEIGHT)] = 1


class RouteBody(Body):
    """Which providers take the purchases that fit; the first route that fits is taken.

    `otherwise` are asked in their order, and only after the one before certainly took no money.
    """

    __example__: ClassVar = {
        "id": "europe",
        "when": {"currencies": ["EUR"]},
        "to": [{"provider": "sandbox"}],
        "otherwise": [],
    }

    id: RouteName
    to: Annotated[list[RouteShareBody], Meta(max_length=MAX_PROVIDERS)]
    when: WhenBody = msgspec.field(default_factory=WhenBody)
    otherwise: Others = msgspec.field(default_factory=list)


Routes = Annotated[list[RouteBody], Meta(max_length=MAX_ROUTES)]


class SpanView(View):
    """Prices of a currency: `atLeast` and more, less than `below`."""

    __example__: ClassVar = {"currency": "EUR", "atLeast": "10.00", "below": None}

    currency: str
    at_least: str | None
    below: str | None


class WhenView(View):
    """Which purchases a route takes; an empty list takes all."""

    __example__: ClassVar = {"countries": ["DE", "AT"], "currencies": ["EUR"], "amounts": []}

    countries: Sequence[str]
    currencies: Sequence[str]
    products: Sequence[str]
    platforms: Sequence[str]
    amounts: Sequence[SpanView]


class RouteShareView(View):
    """A provider and its weight."""

    __example__: ClassVar = {"provider": "sandbox", "weight": 70}

    provider: str
    weight: int


class RouteView(View):
    """Which providers take the purchases that fit."""

    __example__: ClassVar = {"id": "europe", "to": [{"provider": "sandbox", "weight": 1}]}

    id: str
    when: WhenView
    to: Sequence[RouteShareView]
    otherwise: Sequence[str]


def read_routes(given: Sequence[RouteBody]) -> tuple[Route, ...]:
    """Return the routes that were sent; raises the problem of an amount that is none."""
    return tuple(
        Route(
            id=one.id,
            to=tuple(Share(share.provider, share.weight) for share in one.to),
            when=_when(one.when, f"stages.routes.{number}.when"),
            otherwise=tuple(one.otherwise),
        )
        for number, one in enumerate(given)
    )


def _when(body: WhenBody, place: str) -> When:
    return When(
        countries=tuple(body.countries),
        currencies=tuple(body.currencies),
        products=tuple(body.products),
        platforms=tuple(body.platforms),
        amounts=tuple(
            Span(
                one.currency,
                _minor(one.at_least, one.currency, f"{place}.amounts.{number}", "atLeast"),
                _minor(one.below, one.currency, f"{place}.amounts.{number}", "below"),
            )
            for number, one in enumerate(body.amounts)
        ),
    )


def _minor(text: str | None, currency: str, place: str, name: str) -> int | None:
    if text is None:
        return None
    money = read_money(Money(amount=text, currency=currency), place)
    if isinstance(money, Refusal):
        unknown = money.code == "unknown_currency"
        field = f"{place}.currency" if unknown else f"{place}.{name}"
        raise problem_for(msgspec.structs.replace(money, field=field))
    return money.amount_minor


def show_routes(routes: Sequence[Route]) -> list[RouteView]:
    """Return routes as they are shown."""
    return [
        RouteView(
            id=one.id,
            when=WhenView(
                countries=one.when.countries,
                currencies=one.when.currencies,
                products=one.when.products,
                platforms=one.when.platforms,
                amounts=[_span(span) for span in one.when.amounts],
            ),
            to=[RouteShareView(share.provider, share.weight) for share in one.to],
            otherwise=one.otherwise,
        )
        for one in routes
    ]


def _span(span: Span) -> SpanView:
    def text(minor: int | None) -> str | None:
        return None if minor is None else write_money(minor, span.currency).amount

    return SpanView(span.currency, text(span.at_least_minor), text(span.below_minor))
