"""Routes by which operators keep each other: list, suspend, reinstate, remove, give roles."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import delete, get, post, put
from litestar.params import PathParameter

from guildbank.identity.contracts.operators import OperatorState
from guildbank.identity.http.operators.door import (
    OperatorView,
    RoleNames,
    check_awake,
    operator_view,
    plane_of,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import change_operator
from guildbank.infra.http import (
    After,
    Body,
    JSONBody,
    Limit,
    Page,
    Service,
    Who,
    by_operator,
    decode_cursor,
    encode_cursor,
    granted,
)

Parts = Service[Identity]
TAGS: Sequence[str] = ["Operators"]
READING = [by_operator("operators:read")]
WRITING = [by_operator("operators:write", fresh=True)]
OperatorId = Annotated[str, PathParameter(description="The operator's id.", max_length=90)]


class OperatorRolesBody(Body):
    """The roles that the operator is to have; those left out are taken."""

    __example__: ClassVar = {"roles": ["support"]}

    roles: RoleNames


@get("/v1/operators", guards=READING, tags=TAGS, summary="List operators")
async def list_all(
    identity: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[OperatorView]:
    """List operators of one's tenant, or of the deployment, in the order in which they came."""
    position = decode_cursor(after, [str])
    plane = await plane_of(identity, caller)
    found = await change_operator.list_operators(
        identity, plane, str(position[0]) if position else "", limit + 1
    )
    more = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
    return Page([operator_view(one) for one in found[:limit]], more)


@get("/v1/operators/{operator_id:str}", guards=READING, tags=TAGS, summary="Read an operator")
async def read(identity: Parts, caller: Who, operator_id: OperatorId) -> OperatorView:
    """Return one operator."""
    plane = await plane_of(identity, caller)
    return operator_view(granted(await change_operator.get_operator(identity, plane, operator_id)))


@post(
    "/v1/operators/{operator_id:str}/suspend",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Suspend an operator",
)
async def suspend(identity: Parts, caller: Who, operator_id: OperatorId) -> OperatorView:
    """Let the operator in no more and end all sessions at once. Safe to repeat."""
    return await _in_state(identity, caller, operator_id, "suspended")


@post(
    "/v1/operators/{operator_id:str}/reinstate",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Reinstate an operator",
)
async def reinstate(identity: Parts, caller: Who, operator_id: OperatorId) -> OperatorView:
    """Let a suspended operator sign in again, with the roles of before. Safe to repeat."""
    check_awake(caller)
    return await _in_state(identity, caller, operator_id, "active")


@delete(
    "/v1/operators/{operator_id:str}",
    guards=WRITING,
    tags=TAGS,
    status_code=204,
    summary="Remove an operator",
)
async def remove(identity: Parts, caller: Who, operator_id: OperatorId) -> None:
    """End the operator's account for good; the address can be invited again, as somebody new."""
    await _in_state(identity, caller, operator_id, "removed")


@put(
    "/v1/operators/{operator_id:str}/roles",
    guards=WRITING,
    tags=TAGS,
    summary="Set an operator's roles",
)
async def write_roles(
    identity: Parts, caller: Who, operator_id: OperatorId, data: JSONBody[OperatorRolesBody]
) -> OperatorView:
    """Give these roles and no others, and end the operator's sessions.

    Nobody gives what they lack themselves, or changes an operator who may do more.
    """
    check_awake(caller)
    plane = await plane_of(identity, caller)
    changed = await change_operator.set_roles(
        identity, plane, caller.principal, operator_id, data.roles
    )
    return operator_view(granted(changed))


async def _in_state(
    identity: Identity, caller: Who, operator_id: str, state: OperatorState
) -> OperatorView:
    plane = await plane_of(identity, caller)
    changed = await change_operator.set_state(identity, plane, caller.principal, operator_id, state)
    return operator_view(granted(changed))


ROUTES = (list_all, read, suspend, reinstate, remove, write_roles)
