"""Routes of invitations: mailed by one operator, accepted by the person who gets them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import Response, delete, get, post
from litestar.params import PathParameter

from guildbank.approvals import WAITS, held_back
from guildbank.identity.contracts.operators import ComesInBy, Invitation
from guildbank.identity.http.operators import approvable
from guildbank.identity.http.operators.door import (
    AddressText,
    RoleNames,
    check_awake,
    plane_of,
)
from guildbank.identity.http.operators.people import READING, WRITING, Everything, Eyes
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import invite
from guildbank.infra.http import (
    After,
    Body,
    JSONBody,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    problem_for,
)

Parts = Service[Identity]
TAGS: Sequence[str] = ["Operators"]
InvitationId = Annotated[str, PathParameter(description="The invitation's id.", max_length=90)]


class InviteBody(Body):
    """Whom to invite, and the roles that they will have.

    Who `comesInBy` the studio accepts by signing in at its issuer, which must vouch for `address`,
    and never has a password. Roles of their groups there take the place of `roles`.
    """

    __example__: ClassVar = {"roles": ["support"], "comesInBy": "password"}

    address: AddressText
    roles: RoleNames
    comes_in_by: ComesInBy = "password"


class InvitationView(View):
    """An invitation that can be accepted; `address` is null for a link printed on the host."""

    __example__: ClassVar = {
        "id": "inv_01kag3pyqmf9aag12vtrsy70ps",
        "address": "olga@moonlit.example",
        "roles": ["support"],
        "invitedBy": "op_01kag3pyqmf9aag12vtrsy70ps",
        "comesInBy": "password",
    }

    id: str
    address: str | None
    roles: Sequence[str]
    invited_by: str | None
    created_at: datetime
    expires_at: datetime
    comes_in_by: ComesInBy


@post(
    "/v1/operator-invitations",
    guards=WRITING,
    tags=TAGS,
    summary="Invite an operator",
    responses=WAITS,
)
async def create(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    data: JSONBody[InviteBody],
) -> Response[InvitationView]:
    """Mail a link that works once, for 72 hours, in place of an earlier one to this address.

    Nobody gives roles that permit what they lack themselves; only an owner invites owners.
    """
    check_awake(caller)
    wish = approvable.Invite(data.address, tuple(data.roles), data.comes_in_by)
    waits = await held_back(four_eyes, everything, caller, approvable.INVITE, wish)
    if waits is not None:
        return waits
    plane = await plane_of(identity, caller)
    made = await invite.invite(
        identity, plane, caller.principal, data.address, data.roles, data.comes_in_by
    )
    return Response(_view(granted(made)))


@get("/v1/operator-invitations", guards=READING, tags=TAGS, summary="List invitations")
async def list_all(
    identity: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[InvitationView]:
    """List invitations that can still be accepted, oldest first."""
    position = decode_cursor(after, [str])
    plane = await plane_of(identity, caller)
    found = await invite.list_invitations(
        identity, plane, str(position[0]) if position else "", limit + 1
    )
    more = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
    return Page([_view(one) for one in found[:limit]], more)


@delete(
    "/v1/operator-invitations/{invitation_id:str}",
    guards=WRITING,
    tags=TAGS,
    status_code=204,
    summary="Withdraw an invitation",
)
async def withdraw(identity: Parts, caller: Who, invitation_id: InvitationId) -> None:
    """Make the link worthless."""
    plane = await plane_of(identity, caller)
    refusal = await invite.withdraw(identity, plane, caller.principal, invitation_id)
    if refusal is not None:
        raise problem_for(refusal)


def _view(invitation: Invitation) -> InvitationView:
    return InvitationView(
        id=invitation.id,
        address=invitation.address,
        roles=invitation.roles,
        invited_by=invitation.invited_by,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        comes_in_by=invitation.comes_in_by,
    )


ROUTES = (create, list_all, withdraw)
