"""Routes by which operators keep each other: list, suspend, remove, give roles, clear factors."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from litestar import Response, delete, get, post, put
from litestar.params import PathParameter

from guildbank.approvals import WAITS, FourEyes, held_back
from guildbank.identity.contracts.operators import OperatorState
from guildbank.identity.http.operators import approvable
from guildbank.identity.http.operators.door import (
    OperatorView,
    RoleNames,
    check_awake,
    operator_view,
    plane_of,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import change_operator
from guildbank.identity.usecases.operators import clear_factors as clearing
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
Eyes = Service[FourEyes]
Everything = Service[Any]
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
    responses=WAITS,
)
async def suspend(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    operator_id: OperatorId,
) -> Response[OperatorView]:
    """Let the operator in no more and end all sessions at once. Safe to repeat."""
    wish = approvable.OneOperator(operator_id)
    waits = await held_back(four_eyes, everything, caller, approvable.SUSPEND, wish)
    return waits or Response(await _in_state(identity, caller, operator_id, "suspended"))


@post(
    "/v1/operators/{operator_id:str}/reinstate",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Reinstate an operator",
    responses=WAITS,
)
async def reinstate(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    operator_id: OperatorId,
) -> Response[OperatorView]:
    """Let a suspended operator sign in again, with the roles of before. Safe to repeat."""
    check_awake(caller)
    wish = approvable.OneOperator(operator_id)
    waits = await held_back(four_eyes, everything, caller, approvable.REINSTATE, wish)
    return waits or Response(await _in_state(identity, caller, operator_id, "active"))


@delete(
    "/v1/operators/{operator_id:str}",
    guards=WRITING,
    tags=TAGS,
    status_code=204,
    summary="Remove an operator",
    responses=WAITS,
)
async def remove(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    operator_id: OperatorId,
) -> Response[None]:
    """End the operator's account for good; the address can be invited again, as somebody new."""
    wish = approvable.OneOperator(operator_id)
    waits = await held_back(four_eyes, everything, caller, approvable.REMOVE, wish)
    if waits is None:
        await _in_state(identity, caller, operator_id, "removed")
    return waits or Response(None)


@put(
    "/v1/operators/{operator_id:str}/roles",
    guards=WRITING,
    tags=TAGS,
    summary="Set an operator's roles",
    responses=WAITS,
)
async def write_roles(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    operator_id: OperatorId,
    data: JSONBody[OperatorRolesBody],
) -> Response[OperatorView]:
    """Give these roles and no others, and end the operator's sessions.

    Nobody gives what they lack themselves, or changes an operator who may do more.
    """
    check_awake(caller)
    wish = approvable.GiveRoles(operator_id, tuple(data.roles))
    waits = await held_back(four_eyes, everything, caller, approvable.SET_ROLES, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    changed = await change_operator.set_roles(
        identity, plane, caller.principal, operator_id, data.roles
    )
    return Response(operator_view(granted(changed)))


@post(
    "/v1/operators/{operator_id:str}/clear-factors",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Clear an operator's second factors",
    responses=WAITS,
)
async def clear_factors(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    operator_id: OperatorId,
) -> Response[OperatorView]:
    """Take app, passkeys and recovery codes from who lost them, and end all sessions.

    The operator hears of it by mail, and sets a new factor up at the next sign-in, which takes the
    password, or the studio's, as before.
    """
    check_awake(caller)
    wish = approvable.OneOperator(operator_id)
    waits = await held_back(four_eyes, everything, caller, approvable.CLEAR_FACTORS, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    cleared = await clearing.clear_factors(identity, plane, caller.principal, operator_id)
    return Response(operator_view(granted(cleared)))


async def _in_state(
    identity: Identity, caller: Who, operator_id: str, state: OperatorState
) -> OperatorView:
    plane = await plane_of(identity, caller)
    changed = await change_operator.set_state(identity, plane, caller.principal, operator_id, state)
    return operator_view(granted(changed))


ROUTES = (list_all, read, suspend, reinstate, remove, write_roles, clear_factors)
