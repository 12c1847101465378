"""Find what is wrong with the routes of a revision, before it can run."""

import re
from collections.abc import Iterator, Sequence

from guildbank.infra.http import currency_scale, read_country
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    MAX_PROVIDERS,
    MAX_ROUTES,
    MAX_WEIGHT,
    Problem,
    Route,
    When,
)
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import Manifest, Slot

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
NAME_RULE = "1 to 40 of a-z, 0-9, _ and -, beginning with a letter or digit."


def of_routes(
    pipelines: Pipelines, tenant: TenantRef, routes: Sequence[Route]
) -> Iterator[Problem]:
    """Yield what is wrong with them.

    Whether the tenant has an account at a provider is not asked: it may open one later, and until
    then the provider is passed over.
    """
    if len(routes) > MAX_ROUTES:
        yield Problem("stages.routes", f"A revision has at most {MAX_ROUTES} routes.")
    seen: set[str] = set()
    takes_all: str | None = None
    for number, route in enumerate(routes[:MAX_ROUTES]):
        place = f"stages.routes.{number}"
        if not _NAME.fullmatch(route.id):
            yield Problem(f"{place}.id", NAME_RULE)
        elif route.id in seen:
            yield Problem(f"{place}.id", f"Another route is called {route.id} already.")
        seen.add(route.id)
        if takes_all is not None:
            yield Problem(place, f"No purchase gets here: the route {takes_all} takes all.")
        if route.when == When():
            takes_all = takes_all or route.id
        yield from _of_when(route.when, f"{place}.when")
        yield from _of_providers(pipelines, tenant, route, place)


def _of_when(when: When, place: str) -> Iterator[Problem]:
    for number, country in enumerate(when.countries):
        if isinstance(read_country(country), Refusal):
            detail = f"{country} is not an ISO 3166-1 country."
            yield Problem(f"{place}.countries.{number}", detail)
    for number, currency in enumerate(when.currencies):
        if currency_scale(currency) is None:
            detail = f"{currency} is not an ISO 4217 currency."
            yield Problem(f"{place}.currencies.{number}", detail)
    for number, platform in enumerate(when.platforms):
        if not _NAME.fullmatch(platform):
            yield Problem(f"{place}.platforms.{number}", NAME_RULE)
    for number, span in enumerate(when.amounts):
        low, high = span.at_least_minor, span.below_minor
        if low is None and high is None:
            yield Problem(f"{place}.amounts.{number}", "Name atLeast, below, or both.")
        if low is not None and high is not None and low >= high:
            detail = "No amount is at least atLeast and below this."
            yield Problem(f"{place}.amounts.{number}.below", detail)
        if when.currencies and span.currency not in when.currencies:
            detail = "The route takes no purchase in this currency."
            yield Problem(f"{place}.amounts.{number}.currency", detail)


def _of_providers(
    pipelines: Pipelines, tenant: TenantRef, route: Route, place: str
) -> Iterator[Problem]:
    if not route.to:
        yield Problem(f"{place}.to", "A route leads to at least one provider.")
    if len(route.providers()) > MAX_PROVIDERS:
        yield Problem(f"{place}.to", f"A route has at most {MAX_PROVIDERS} providers.")
    manifests: list[Manifest] = []
    seen: set[str] = set()
    split = [(f"{place}.to.{n}.provider", one.provider) for n, one in enumerate(route.to)]
    others = [(f"{place}.otherwise.{n}", one) for n, one in enumerate(route.otherwise)]
    for field, provider in [*split, *others][: MAX_PROVIDERS + 1]:
        plugin = pipelines.plugins.at(Slot.PROVIDER, provider)
        if plugin is None:
            yield Problem(field, f"No provider {provider[:64]} is installed and in order.")
        elif plugin.manifest.sandbox and tenant.mode != "test":
            yield Problem(field, "It is for test tenants only.")
        else:
            manifests.append(plugin.manifest)
        if provider in seen:
            detail = f"{provider[:64]} is named already; it is asked once."
            yield Problem(field, detail)
        seen.add(provider)
    for number, one in enumerate(route.to):
        if not 1 <= one.weight <= MAX_WEIGHT:
            yield Problem(f"{place}.to.{number}.weight", f"1 to {MAX_WEIGHT}.")
    wanted = (*route.when.currencies, *(span.currency for span in route.when.amounts))
    for currency in dict.fromkeys(wanted):
        if manifests and not any(one.takes(currency) for one in manifests):
            yield Problem(place, f"None of its providers takes {currency}.")
