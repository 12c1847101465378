"""Let who came from the studio in: as the operator they are, or as a new one, with their roles.

The roles follow the groups at each sign-in; who was invited keeps those of the invitation until a
group gives some. Whoever comes in this way comes in no other: the password ends when an account of
the studio is linked, so that leaving the groups is leaving.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec

from guildbank.identity.contracts.events import OPERATOR_JOINED, OPERATOR_LINKED, ROLES_GIVEN
from guildbank.identity.contracts.operators import (
    LAST_OWNER,
    OWNER,
    STEP_UP_LIFE,
    SUSPENDED,
    HalfSignIn,
    Operator,
    SignedIn,
)
from guildbank.identity.contracts.players import TENANT_SUSPENDED
from guildbank.identity.contracts.studio import (
    LINKED_ELSEWHERE,
    NO_ROLE_BY_GROUPS,
    NO_STUDIO_ADDRESS,
    NOT_LINKED,
)
from guildbank.identity.rules import read_email
from guildbank.identity.store.operators import factors, invitations, people, sessions
from guildbank.identity.store.operators import roles as own_roles
from guildbank.identity.store.operators import studio as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.browsers import enter_by, recognise
from guildbank.identity.usecases.operators.half_sign_in import ask_for_factor
from guildbank.identity.usecases.operators.keep_session import begin_session
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice
from guildbank.identity.usecases.studio.accept import accept_within
from guildbank.identity.usecases.studio.arrival import Arrival
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal, new_id
from guildbank.notify import SealedMail, queue_mail


async def enter(
    external: ExternalSignIn, plane: Plane, arrival: Arrival
) -> SignedIn | HalfSignIn | Refusal:
    """Return a session, or a challenge to a second factor of ours.

    Refusals: `no_group`, `operator_suspended`, `operator_exists`, `studio_no_address`,
    `identity_in_use`, `last_owner`, `tenant_suspended`, and those of `accept_within`.
    """
    identity, now = external.identity, external.identity.clock.now()
    account = msgspec.json.encode((arrival.issuer, arrival.subject))
    key = plane.sealer.hash(b"operator of the studio", account)
    notice = await _tells(identity, plane, arrival, key)
    async with identity.db.begin(plane.schema) as tx:
        # By turns, as everything that changes who may do what.
        await people.take_turns(tx.driver)
        roles = await _roles(plane, tx, arrival.groups)
        known = await store.linked(tx.driver, key)
        before = await _standing(
            tx, arrival.links or (None if known is None else known.operator_id)
        )
        if plane.tenant is not None and plane.tenant.state != "active":
            # Nobody gets more power until the tenant is resumed, and whoever has some may look.
            found = await _look(tx, arrival, known, roles)
        elif arrival.invitation is not None:
            hash_ = arrival.invitation
            found = await accept_within(plane, tx, hash_, arrival, key, roles, now)
        elif arrival.links is not None:
            found = await _link(tx, arrival.links, key, known, roles, now)
        elif known is None:
            found = await _add(tx, arrival, key, roles, now)
        else:
            found = await _follow(tx, known, roles)
        if isinstance(found, Refusal):
            return found
        after = await _standing(tx, found)
        assert after is not None
        if arrival.invitation is None:
            await _record(plane, tx, arrival, before, after)
        if notice is not None:
            await queue_mail(tx, notice)
        if not arrival.complete:
            return await ask_for_factor(identity, plane, tx, found)
        stale = now - STEP_UP_LIFE * 2
        entry = enter_by(identity, plane, after, arrival.browser)
        return await begin_session(
            identity, plane, tx, found, entry, fresh_at=arrival.proved_at or stale
        )


async def _tells(
    identity: Identity, plane: Plane, arrival: Arrival, key: bytes
) -> SealedMail | None:
    """Return what an operator of before is to hear: of the link, or of a browser that is new."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        known = await store.linked(tx.driver, key)
        operator = await _standing(
            tx, arrival.links or (None if known is None else known.operator_id)
        )
    if operator is None:
        return None
    if arrival.links is not None:
        return await seal_notice(identity, plane, operator, "operator_linked")
    # Where a second factor of ours is due, its proof tells of the browser.
    if not arrival.complete:
        return None
    return (await recognise(identity, plane, operator, arrival.browser)).notice


async def _standing(tx: Tx, operator_id: str | None) -> Operator | None:
    return None if operator_id is None else await people.one(tx.driver, operator_id)


async def _record(
    plane: Plane, tx: Tx, arrival: Arrival, before: Operator | None, after: Operator
) -> None:
    """Record who came for the first time, who linked the account, and whose roles changed."""
    if before is None or before.state == "removed":
        kind = OPERATOR_JOINED
    elif arrival.links is not None:
        kind = OPERATOR_LINKED
    elif before.roles != after.roles:
        kind = ROLES_GIVEN
    else:
        return
    shown: dict[str, object] = {"roles": after.roles}
    if kind == OPERATOR_JOINED:
        shown |= {"address": after.address, "name": after.name}
    await plane.recorder.record(
        tx,
        after.id,
        kind,
        {"operatorId": after.id, "byGroups": True},
        before=None if before is None else {"roles": before.roles},
        after=shown,
        arriving=True,
    )


async def _roles(plane: Plane, tx: Tx, groups: Collection[str]) -> frozenset[str]:
    """Return the roles of these groups that there are."""
    known = plane.built_in.keys() | (await own_roles.all_of(tx.driver)).keys()
    mapped = [one.roles for one in await store.groups(tx.driver) if one.group in groups]
    return frozenset().union(*mapped) & known


async def _add(
    tx: Tx, arrival: Arrival, key: bytes, roles: frozenset[str], now: datetime
) -> str | Refusal:
    """Make an operator of who comes for the first time."""
    if not roles:
        return NO_ROLE_BY_GROUPS
    email = None if arrival.email is None else read_email(arrival.email)
    if email is None or isinstance(email, Refusal):
        return NO_STUDIO_ADDRESS
    operator = Operator(
        id=new_id("op"),
        address=email.address,
        name=arrival.called(email.address),
        state="active",
        roles=tuple(sorted(roles)),
        second_factor=False,
        created_at=now,
    )
    if not await people.add(tx.driver, operator, email.canonical, None):
        return NOT_LINKED
    await store.link(tx.driver, operator.id, key, now)
    return operator.id


async def _look(
    tx: Tx, arrival: Arrival, known: store.Linked | None, roles: frozenset[str]
) -> str | Refusal:
    """Let who came before into a suspended tenant, with no role more."""
    if known is None or arrival.links is not None or arrival.invitation is not None:
        return TENANT_SUSPENDED
    operator = await people.one(tx.driver, known.operator_id)
    held = frozenset() if operator is None else frozenset(operator.roles)
    return await _follow(tx, known, roles & held)


async def _follow(tx: Tx, known: store.Linked, roles: frozenset[str]) -> str | Refusal:
    """Give who came before the roles of today, and end sessions that had others."""
    operator = await people.one(tx.driver, known.operator_id)
    if operator is None or operator.state != "active":
        return SUSPENDED
    if known.invited and not roles:
        return operator.id
    if known.invited:
        await store.leave_to_groups(tx.driver, operator.id)
    # Somebody always stays owner, also where the groups name none any more.
    kept = {OWNER} if await _is_last_owner(tx, operator) else set()
    await _set_roles(tx, operator, roles | kept)
    return operator.id if roles else NO_ROLE_BY_GROUPS


async def _link(
    tx: Tx,
    operator_id: str,
    key: bytes,
    known: store.Linked | None,
    roles: frozenset[str],
    now: datetime,
) -> str | Refusal:
    """Let the account be the operator's who asked for it, in place of the password."""
    operator = await people.one(tx.driver, operator_id)
    if operator is None or operator.state != "active":
        return SUSPENDED
    if known is not None and known.operator_id != operator_id and known.state != "removed":
        return LINKED_ELSEWHERE
    if not roles:
        return NO_ROLE_BY_GROUPS
    if OWNER not in roles and await _is_last_owner(tx, operator):
        return LAST_OWNER
    await store.link(tx.driver, operator_id, key, now)
    await people.drop_password(tx.driver, operator_id)
    await factors.drop_tickets(tx.driver, operator_id)
    await sessions.end(tx.driver, [operator_id])
    await _set_roles(tx, operator, roles)
    return operator_id


async def _set_roles(tx: Tx, operator: Operator, roles: frozenset[str]) -> None:
    if set(operator.roles) == roles:
        return
    await people.set_roles(tx.driver, operator.id, sorted(roles))
    await sessions.end(tx.driver, [operator.id])
    # What they offered others may be more than they may give now.
    await invitations.drop_by(tx.driver, operator.id)


async def _is_last_owner(tx: Tx, operator: Operator) -> bool:
    if OWNER not in operator.roles:
        return False
    return await people.others_with_role(tx.driver, OWNER, operator.id) == 0
