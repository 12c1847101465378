"""No route can be forgotten: each is known here as open to all, or is guarded and tried."""

from collections.abc import Sequence

from tests.attacks.doors import PUBLIC
from tests.attacks.table import (
    EMPTY_FOR_OTHERS,
    NAMES_NOTHING,
    OUTCOME_FOR_EACH,
    Objects,
    Route,
    calls,
)

from guildbank.app.rooms import all_rooms, scopes_of
from guildbank.infra.http import DEPLOYMENT_SCOPE


def test_every_route_is_public_by_name_or_asks_for_a_scope(table: Sequence[Route]) -> None:
    open_ = {
        route.name for route in table if route.scope is None and not (route.own or route.own_staff)
    }
    assert open_ == PUBLIC


def test_every_guarded_route_has_a_rightful_call(
    guarded: Sequence[Route], peopled: Sequence[Route], victim: Objects
) -> None:
    assert {route.name for route in [*guarded, *peopled]} == set(calls(victim))


def test_every_exception_is_a_route(guarded: Sequence[Route]) -> None:
    assert {route.name for route in guarded} >= NAMES_NOTHING | EMPTY_FOR_OTHERS | OUTCOME_FOR_EACH


def test_every_scope_that_a_route_asks_for_can_be_given(guarded: Sequence[Route]) -> None:
    assert {route.scope for route in guarded} <= {*scopes_of(all_rooms()), DEPLOYMENT_SCOPE}


def test_what_only_people_may_call_asks_for_what_only_people_have(
    peopled: Sequence[Route],
) -> None:
    declared = {name for room in all_rooms() for name in room.permissions}
    assert {route.scope for route in peopled} == declared
    assert not declared & set(scopes_of(all_rooms()))


def test_every_scope_opens_something(guarded: Sequence[Route]) -> None:
    asked = {route.scope for route in guarded}
    assert set(scopes_of(all_rooms())) <= asked
