"""Suspend, reinstate and remove operators, and give them roles.

Each but a reinstatement ends their sessions at once, and the invitations that they sent.
"""

from collections.abc import Mapping, Sequence

import msgspec

from guildbank.identity.contracts.events import (
    INVITED,
    OPERATOR_JOINED,
    OPERATOR_REINSTATED,
    OPERATOR_REMOVED,
    OPERATOR_SUSPENDED,
    ROLES_GIVEN,
)
from guildbank.identity.contracts.operators import (
    LAST_OWNER,
    NO_OPERATOR,
    OWNER,
    Operator,
    OperatorState,
)
from guildbank.identity.store.operators import factors, invitations, passkeys, people, sessions
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.authority import Authority, authority_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.journal import forget_details
from guildbank.kernel import Refusal, parse_id

STATE_KINDS: Mapping[OperatorState, str] = {
    "active": OPERATOR_REINSTATED,
    "suspended": OPERATOR_SUSPENDED,
    "removed": OPERATOR_REMOVED,
}


async def list_operators(
    identity: Identity, plane: Plane, after: str, limit: int
) -> list[Operator]:
    """Return operators in the order in which they came, those removed left out."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await people.page(tx.driver, after, limit)


async def get_operator(identity: Identity, plane: Plane, operator_id: str) -> Operator | Refusal:
    """Return one operator. Refusal: `not_found`."""
    if parse_id("op", operator_id) is None:
        return NO_OPERATOR
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await people.one(tx.driver, operator_id) or NO_OPERATOR


async def set_state(
    identity: Identity,
    plane: Plane,
    by: str | None,
    operator_id: str,
    state: OperatorState,
) -> Operator | Refusal:
    """Suspend, reinstate or remove an operator; `by` is who does it, None the host.

    Of who is removed the id alone is kept; the address can be invited again, as somebody new. Safe
    to repeat, but for a removal. Refusals: `not_found`, `not_oneself`, `permission_not_held`,
    `last_owner`, `operator_suspended` (who does it).
    """
    async with identity.db.begin(plane.schema) as tx:
        return await set_state_within(plane, tx, by, operator_id, state)


async def set_state_within(
    plane: Plane, tx: Tx, by: str | None, operator_id: str, state: OperatorState
) -> Operator | Refusal:
    """Do what `set_state` does in the caller's transaction, which is not to commit a refusal."""
    found = await target_of(plane, tx, by, operator_id)
    if isinstance(found, Refusal):
        return found
    target, _ = found
    if state != "active":
        if await _is_last_owner(tx, target):
            return LAST_OWNER
        await sessions.end(tx.driver, [target.id])
        await factors.drop_tickets(tx.driver, target.id)
        await invitations.drop_by(tx.driver, target.id)
    if state == "removed":
        await factors.forget_factors(tx.driver, target.id)
        await passkeys.forget(tx.driver, target.id)
        await people.set_roles(tx.driver, target.id, ())
        await people.erase(tx.driver, target.id)
        # Who they were is not kept beside the chain either; what they did is.
        await forget_details(tx.driver, target.id, (OPERATOR_JOINED, INVITED))
    else:
        await people.set_state(tx.driver, target.id, state)
    await plane.recorder.record(
        tx,
        by or HOST,
        STATE_KINDS[state],
        {"operatorId": target.id},
        before={"state": target.state, "roles": target.roles},
        after={"state": state},
    )
    return msgspec.structs.replace(target, state=state)


async def set_roles(
    identity: Identity,
    plane: Plane,
    by: str | None,
    operator_id: str,
    roles: Sequence[str],
) -> Operator | Refusal:
    """Let the operator have these roles and no others; `by` is who does it, None the host.

    Refusals: `not_found`, `not_oneself`, `invalid_value`, `permission_not_held`, `last_owner`,
    `operator_suspended` (who does it).
    """
    async with identity.db.begin(plane.schema) as tx:
        return await set_roles_within(plane, tx, by, operator_id, roles)


async def set_roles_within(
    plane: Plane, tx: Tx, by: str | None, operator_id: str, roles: Sequence[str]
) -> Operator | Refusal:
    """Do what `set_roles` does in the caller's transaction, which is not to commit a refusal."""
    wanted = tuple(dict.fromkeys(roles))
    found = await target_of(plane, tx, by, operator_id)
    if isinstance(found, Refusal):
        return found
    target, authority = found
    refused = authority.check_gift(wanted)
    if refused is not None:
        return refused
    if OWNER not in wanted and await _is_last_owner(tx, target):
        return LAST_OWNER
    await people.set_roles(tx.driver, target.id, wanted)
    await sessions.end(tx.driver, [target.id])
    await invitations.drop_by(tx.driver, target.id)
    await plane.recorder.record(
        tx,
        by or HOST,
        ROLES_GIVEN,
        {"operatorId": target.id},
        before={"roles": target.roles},
        after={"roles": sorted(wanted)},
    )
    return msgspec.structs.replace(target, roles=tuple(sorted(wanted)))


async def target_of(
    plane: Plane, tx: Tx, by: str | None, operator_id: str
) -> tuple[Operator, Authority] | Refusal:
    """Return whom to change and what who does it may do, and take the turn to change operators.

    Refusals: `not_found`, `not_oneself`, `permission_not_held`, `operator_suspended` (who does it).
    """
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    known = parse_id("op", operator_id) is not None
    target = await people.one(tx.driver, operator_id) if known else None
    if target is None:
        return NO_OPERATOR
    refused = authority.check_target(target)
    return (target, authority) if refused is None else refused


async def _is_last_owner(tx: Tx, target: Operator) -> bool:
    if OWNER not in target.roles or target.state != "active":
        return False
    return await people.others_with_role(tx.driver, OWNER, target.id) == 0
