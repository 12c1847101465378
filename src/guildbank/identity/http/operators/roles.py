"""Routes of roles: the built-in ones, and those that a tenant makes for itself."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import Response, delete, get, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, held_back
from guildbank.identity.contracts.operators import Role
from guildbank.identity.http.operators import approvable
from guildbank.identity.http.operators.door import RoleName, check_awake, plane_of
from guildbank.identity.http.operators.people import READING, Everything, Eyes
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import own_roles
from guildbank.infra.http import (
    Body,
    JSONBody,
    Service,
    View,
    Who,
    by_operator,
    granted,
    problem_for,
)

Parts = Service[Identity]
TAGS: Sequence[str] = ["Operators"]
WRITING = [by_operator("roles:write", fresh=True)]
PathRole = Annotated[str, PathParameter(description="The role's name.", max_length=40)]
PermissionName = Annotated[str, Meta(min_length=1, max_length=64, examples=["players:read"])]
PermissionNames = Annotated[list[PermissionName], Meta(min_length=1, max_length=200)]


class CreateRoleBody(Body):
    """A new role."""

    __example__: ClassVar = {"name": "night-shift", "permissions": ["players:read"]}

    name: RoleName
    permissions: PermissionNames


class ChangeRoleBody(Body):
    """What the role is to permit; what is left out it permits no more."""

    __example__: ClassVar = {"permissions": ["players:read"]}

    permissions: PermissionNames


class RoleView(View):
    """A role; a built-in one cannot be changed."""

    __example__: ClassVar = {
        "name": "night-shift",
        "permissions": ["players:read"],
        "builtIn": False,
    }

    name: str
    permissions: Sequence[str]
    built_in: bool


class RolesView(View):
    """All roles, the built-in ones first."""

    items: Sequence[RoleView]


@get("/v1/roles", guards=READING, tags=TAGS, summary="List roles")
async def list_all(identity: Parts, caller: Who) -> RolesView:
    """List the roles that operators here may have, with what each permits."""
    plane = await plane_of(identity, caller)
    return RolesView([_view(one) for one in await own_roles.list_roles(identity, plane)])


@post("/v1/roles", guards=WRITING, tags=TAGS, summary="Make a role", responses=WAITS)
async def create(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    data: JSONBody[CreateRoleBody],
) -> Response[RoleView]:
    """Make a role of permissions that one has oneself."""
    check_awake(caller)
    wish = approvable.ShapeRole(data.name, tuple(data.permissions))
    waits = await held_back(four_eyes, everything, caller, approvable.MAKE_ROLE, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    made = await own_roles.create_role(
        identity, plane, caller.principal, data.name, data.permissions
    )
    return Response(_view(granted(made)))


@put("/v1/roles/{name:str}", guards=WRITING, tags=TAGS, summary="Change a role", responses=WAITS)
async def change(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    name: PathRole,
    data: JSONBody[ChangeRoleBody],
) -> Response[RoleView]:
    """Let the role permit this, for all who have it; their sessions end."""
    check_awake(caller)
    wish = approvable.ShapeRole(name, tuple(data.permissions))
    waits = await held_back(four_eyes, everything, caller, approvable.CHANGE_ROLE, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    changed = await own_roles.change_role(identity, plane, caller.principal, name, data.permissions)
    return Response(_view(granted(changed)))


@delete(
    "/v1/roles/{name:str}",
    guards=WRITING,
    tags=TAGS,
    status_code=204,
    summary="Delete a role",
    responses=WAITS,
)
async def remove(
    identity: Parts, four_eyes: Eyes, everything: Everything, caller: Who, name: PathRole
) -> Response[None]:
    """Delete a role that nobody has."""
    wish = approvable.OneRole(name)
    waits = await held_back(four_eyes, everything, caller, approvable.DELETE_ROLE, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    refusal = await own_roles.delete_role(identity, plane, caller.principal, name)
    if refusal is not None:
        raise problem_for(refusal)
    return Response(None)


def _view(role: Role) -> RoleView:
    return RoleView(name=role.name, permissions=role.permissions, built_in=role.built_in)


ROUTES = (list_all, create, change, remove)
