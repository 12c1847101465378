"""Accept an invitation by signing in at the studio's issuer, with no password ever set.

It takes all three: the mailed link, a sign-in there, and that the issuer vouches for the address
that was invited. From then on (issuer, subject) is who the operator is.
"""

from datetime import datetime

from guildbank.identity.contracts.events import OPERATOR_JOINED
from guildbank.identity.contracts.operators import INVITATION_ENDED, Operator
from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.studio import (
    LINKED_ELSEWHERE,
    NO_STUDIO_ADDRESS,
    NOT_LINKED,
    OTHER_ADDRESS,
    PASSWORD_ACCEPTS,
)
from guildbank.identity.rules import read_email, token_hash
from guildbank.identity.store.operators import invitations, people
from guildbank.identity.store.operators import studio as store
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.browsers import Browser
from guildbank.identity.usecases.operators.invite import find_invitation
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.studio.arrival import Arrival
from guildbank.identity.usecases.studio.begin import Departure, begin_journey
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal, new_id


async def begin_to_accept(
    external: ExternalSignIn, secret: str, browser: Browser
) -> Departure | Refusal:
    """Return where who has the link goes to accept it; the link stays good until they are back.

    Refusals: `invitation_ended`, `invalid_value` (it is accepted with a password), and those of
    `begin_journey`.
    """
    found = await find_invitation(external.identity, secret)
    if isinstance(found, Refusal):
        return found
    plane, invitation = found
    if invitation.comes_in_by != "studio":
        return PASSWORD_ACCEPTS
    return await begin_journey(external, plane, browser, invitation=token_hash(secret))


async def accept_within(
    plane: Plane,
    tx: Tx,
    hash_: bytes,
    arrival: Arrival,
    key: bytes,
    roles: frozenset[str],
    now: datetime,
) -> str | Refusal:
    """Make an operator of who came back with an invitation, and use the link up.

    `roles` are those of the person's groups. Where these have none, those of the invitation are
    given and stay until a group has some. The caller holds the turn to change operators, so what is
    found here is there when it is taken; a refusal leaves the link good. Refusals:
    `invitation_ended`, `identity_in_use`, `studio_no_address`, `studio_other_address`,
    `operator_exists`.
    """
    invitation = await invitations.find(tx.driver, hash_, now)
    if invitation is None or invitation.address is None or invitation.comes_in_by != "studio":
        return INVITATION_ENDED
    known = await store.linked(tx.driver, key)
    if known is not None and known.state != "removed":
        return LINKED_ELSEWHERE
    email = None if arrival.email is None else read_email(arrival.email)
    if not isinstance(email, Email) or not arrival.verified:
        return NO_STUDIO_ADDRESS
    invited = read_email(invitation.address)
    if not isinstance(invited, Email) or email.canonical != invited.canonical:
        return OTHER_ADDRESS
    if await people.by_address(tx.driver, invited.canonical) is not None:
        return NOT_LINKED
    if await invitations.take(tx.driver, hash_, now) is None:
        return INVITATION_ENDED
    operator = Operator(
        id=new_id("op"),
        address=invited.address,
        name=arrival.called(invited.address),
        state="active",
        roles=tuple(sorted(roles or invitation.roles)),
        second_factor=False,
        created_at=now,
    )
    await people.add(tx.driver, operator, invited.canonical, None)
    await store.link(tx.driver, operator.id, key, now, invited=not roles)
    await plane.recorder.record(
        tx,
        operator.id,
        OPERATOR_JOINED,
        {"operatorId": operator.id, "invitationId": invitation.id, "byGroups": bool(roles)},
        after={"address": operator.address, "name": operator.name, "roles": operator.roles},
        arriving=True,
    )
    return operator.id
