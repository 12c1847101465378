"""Pure decisions on pipelines: who gets a canary, what is vetoed besides, who takes the money."""

from collections.abc import Collection, Sequence
from hashlib import sha256

from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    NO_ROUTE,
    PROVIDER_NOT_OFFERED,
    PROVIDER_REQUIRED,
    Because,
    Bought,
    Led,
    Pipeline,
    Placed,
    Route,
    Share,
    Stages,
    When,
)


def number_for(pipeline: Pipeline, player_id: str) -> int:
    """Return the revision that a new payment of the player runs.

    A player gets the same one each time, and other players are in another canary's share.
    """
    if pipeline.canary is None:
        return pipeline.published
    place = _draw(f"{pipeline.purpose}:{pipeline.canary}:{player_id}", 100)
    return pipeline.canary if place < pipeline.share else pipeline.published


def vetoes_since(pinned: Stages, current: Stages) -> tuple[Placed, ...]:
    """Return the checks of `current` that a payment pinned to the other did not pass.

    What was forbidden since it began is forbidden for it too, until its money is captured.
    """
    passed = [(slot, one.plugin, one.settings, one.limits) for slot, one in pinned.gates()]
    return tuple(
        placed
        for placed in current.gates()
        if (placed.slot, placed.step.plugin, placed.step.settings, placed.step.limits) not in passed
    )


def route_of(routes: Sequence[Route], bought: Bought) -> Route | None:
    """Return the first route that takes the purchase."""
    return next((one for one in routes if _fits(one.when, bought)), None)


def pick(route: Route, payment_id: str, usable: Collection[str]) -> tuple[str, ...]:
    """Return the usable providers of a route in the order in which they are to be asked.

    The first is drawn among the split by weight, by the payment's id, so that a payment draws the
    same one each time; the others of the split are left alone. Nothing usable returns nothing.
    """
    split = [one for one in route.to if one.provider in usable]
    drawn = _drawn(split, f"{route.id}:{payment_id}") if split else None
    others = [one for one in route.otherwise if one in usable and one != drawn]
    return (*((drawn,) if drawn is not None else ()), *others)


def lead(
    routes: Sequence[Route],
    bought: Bought,
    payment_id: str,
    named: str | None,
    usable: Sequence[str],
) -> Led | Refusal:
    """Say who takes a new payment; `named` is whom the buyer wants, and then nobody else is asked.

    Refusals: `no_route`, `provider_not_offered`, `provider_required`.
    """
    route = route_of(routes, bought)
    if routes and route is None:
        return NO_ROUTE
    if named is not None:
        if route is not None and named not in route.providers():
            return PROVIDER_NOT_OFFERED
        return Led((named,), Because(route=None if route is None else route.id))
    if route is None:
        return Led((usable[0],), Because(by="only")) if len(usable) == 1 else PROVIDER_REQUIRED
    order = pick(route, payment_id, usable)
    if not order:
        return NO_ROUTE
    passed_over = tuple(one for one in route.providers() if one not in usable)
    return Led(order, Because(by="route", route=route.id, passed_over=passed_over))


def _fits(when: When, bought: Bought) -> bool:
    named = (
        (when.countries, bought.country),
        (when.currencies, bought.currency),
        (when.products, bought.product),
        (when.platforms, bought.platform),
    )
    if any(wanted and given not in wanted for wanted, given in named):
        return False
    return not when.amounts or any(
        span.currency == bought.currency
        and (span.at_least_minor is None or bought.amount_minor >= span.at_least_minor)
        and (span.below_minor is None or bought.amount_minor < span.below_minor)
        for span in when.amounts
    )


def _drawn(split: Sequence[Share], told: str) -> str:
    place = _draw(told, sum(one.weight for one in split))
    for one in split:
        place -= one.weight
        if place < 0:
            return one.provider
    raise AssertionError("a draw is below the sum of all weights")


def _draw(told: str, places: int) -> int:
    """Return a number below `places` that is the same for the same text."""
    return int.from_bytes(sha256(told.encode()).digest()[:8], "big") % places
