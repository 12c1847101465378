"""Finds the rooms and collects what each publishes; no list here names a product."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import guildbank
from guildbank.approvals import Approvable
from guildbank.identity import Permissions
from guildbank.infra.http import DEPLOYMENT_SCOPE, Code
from guildbank.infra.room import (
    Backlog,
    Figure,
    HouseBalance,
    Job,
    MailTemplate,
    Obstacle,
    Personal,
    PluginLimit,
    PluginUse,
    Room,
)

_BELOW = "infra"
"""Says what a room is, and is none."""


class UnknownRoom(ValueError):
    """A room was asked for that does not exist; the message lists those that do."""


@cache
def all_rooms() -> tuple[Room, ...]:
    """Return the ROOM of every package that has a `room` module, in the order of names."""
    return tuple(_room(name) for name in room_names())


def room_names() -> list[str]:
    """Return the names of the rooms without importing them."""
    found = (part.name for part in pkgutil.iter_modules(guildbank.__path__) if part.ispkg)
    return sorted(
        name for name in found if name != _BELOW and importlib.util.find_spec(_module(name))
    )


def choose_rooms(names: Sequence[str]) -> tuple[Room, ...]:
    """Return the rooms of these names, all of them for none; raises UnknownRoom."""
    if not names:
        return all_rooms()
    known = room_names()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UnknownRoom(f"there is no room {unknown[0]!r}; the rooms are {', '.join(known)}")
    return tuple(room for room in all_rooms() if room.name in names)


def scopes_of(rooms: Iterable[Room]) -> dict[str, str]:
    """Return every scope with its meaning."""
    return {name: meaning for room in rooms for name, meaning in room.scopes.items()}


def purposes_of(rooms: Iterable[Room]) -> dict[str, str]:
    """Return all that pipelines are for, with its meaning: payments, and verbs with hooks."""
    return {
        name: meaning for room in rooms for name, meaning in {**room.purposes, **room.verbs}.items()
    }


def verbs_of(rooms: Iterable[Room]) -> frozenset[str]:
    """Return the verbs that hooks are asked about."""
    return frozenset(name for room in rooms for name in room.verbs)


def tenant_scopes() -> list[str]:
    """Return every scope that a key of a tenant may have."""
    return sorted(set(scopes_of(all_rooms())) - {DEPLOYMENT_SCOPE})


BUILT_IN_ROLES = ("owner", "admin", "finance", "support", "compliance", "analyst", "developer")
"""Roles that every tenant has; the deployment has the first two."""
_ALL_HOLDING = BUILT_IN_ROLES[:2]


def permissions_of(rooms: Iterable[Room]) -> Permissions:
    """Return what operators may be permitted, and by which built-in roles they are.

    A permission that no role is declared for is held by owners and admins alone.
    """
    known: dict[str, str] = {}
    holders: dict[str, set[str]] = {}
    of_deployment: set[str] = set()
    for room in rooms:
        known |= {**room.scopes, **room.permissions}
        holders |= {name: set(roles) for name, roles in room.held_by.items()}
        of_deployment |= set(room.of_deployment)
    of_tenants = {name: known[name] for name in sorted(known) if name != DEPLOYMENT_SCOPE}
    deployment = {name: known[name] for name in sorted(of_deployment)}
    return Permissions(
        tenant=of_tenants,
        deployment=deployment,
        tenant_roles={
            role: frozenset(
                name for name in of_tenants if role in _ALL_HOLDING or role in holders.get(name, ())
            )
            for role in BUILT_IN_ROLES
        },
        deployment_roles={role: frozenset(deployment) for role in _ALL_HOLDING},
    )


def codes_of(rooms: Iterable[Room]) -> list[Code]:
    """Return every problem code that the rooms declare."""
    return [code for room in rooms for code in room.codes]


def backlogs_of(rooms: Iterable[Room]) -> list[Backlog]:
    """Return what the rooms want counted of each tenant."""
    return [backlog for room in rooms for backlog in room.backlogs]


def gauges_of(rooms: Iterable[Room]) -> list[Figure]:
    """Return what the rooms want measured of each tenant."""
    return [figure for room in rooms for figure in room.gauges]


def balances_of(rooms: Iterable[Room]) -> tuple[HouseBalance, ...]:
    """Return what the rooms say of accounts of the house."""
    return tuple(one for room in rooms for one in room.balances)


def mails_of(rooms: Iterable[Room]) -> list[MailTemplate]:
    """Return every mail that the rooms send."""
    return [mail for room in rooms for mail in room.mails]


def personal_of(rooms: Iterable[Room]) -> list[Personal]:
    """Return the tables that know of persons."""
    return [one for room in rooms for one in room.personal]


def plugin_uses_of(rooms: Iterable[Room]) -> list[PluginUse]:
    """Return what may keep a plugin from being removed."""
    return [one for room in rooms for one in room.plugin_uses]


def plugin_limits_of(rooms: Iterable[Room]) -> list[PluginLimit]:
    """Return what may keep a version of a plugin from taking another's place."""
    return [one for room in rooms for one in room.plugin_limits]


def obstacles_of(rooms: Iterable[Room]) -> list[Obstacle]:
    """Return what the erasure of a person waits for."""
    return [one for room in rooms for one in room.obstacles]


def approvables_of(rooms: Iterable[Room]) -> dict[str, Approvable[Any]]:
    """Return the verbs that can wait for a second person, by name."""
    found = {one.verb: one for room in rooms for one in room.approvables}
    return {verb: found[verb] for verb in sorted(found)}


def jobs_of(rooms: Iterable[Room]) -> list[Job]:
    """Return the background work of the rooms."""
    return [job for room in rooms for job in room.jobs]


def _room(name: str) -> Room:
    room = importlib.import_module(_module(name)).ROOM
    if not isinstance(room, Room):
        raise TypeError(f"{_module(name)}.ROOM is no Room")
    return room


def _module(name: str) -> str:
    return f"guildbank.{name}.room"
