"""Make, change and delete the roles of a tenant's own, or of the deployment's."""

from collections.abc import Sequence

from guildbank.identity.contracts.events import ROLE_CHANGED, ROLE_DELETED, ROLE_MADE
from guildbank.identity.contracts.operators import (
    MAX_ROLES,
    NO_ROLE,
    ROLE_IN_USE,
    ROLE_TAKEN,
    TOO_MANY_ROLES,
    Role,
)
from guildbank.identity.rules import check_permissions
from guildbank.identity.store.operators import invitations, people, sessions
from guildbank.identity.store.operators import roles as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.authority import authority_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal


async def list_roles(identity: Identity, plane: Plane) -> list[Role]:
    """Return the built-in roles and then those of the plane's own, each in the order of names."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        own = await store.all_of(tx.driver)
    built_in = [_role(name, held, True) for name, held in sorted(plane.built_in.items())]
    return [*built_in, *(_role(name, held, False) for name, held in sorted(own.items()))]


async def create_role(
    identity: Identity, plane: Plane, by: str | None, name: str, permissions: Sequence[str]
) -> Role | Refusal:
    """Make a role of what its maker is permitted.

    Refusals: `invalid_value`, `permission_not_held`, `role_taken`, `too_many_roles`,
    `operator_suspended` (who does it).
    """
    async with identity.db.begin(plane.schema) as tx:
        return await create_role_within(identity, plane, tx, by, name, permissions)


async def create_role_within(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, name: str, permissions: Sequence[str]
) -> Role | Refusal:
    """Do what `create_role` does in the caller's transaction, which is not to commit a refusal."""
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    refused = check_permissions(permissions, plane.known, authority.held)
    if refused is not None:
        return refused
    if name in authority.meaning:
        return ROLE_TAKEN
    if len(authority.meaning) - len(plane.built_in) >= MAX_ROLES:
        return TOO_MANY_ROLES
    await store.add(tx.driver, name, set(permissions), identity.clock.now())
    after = {"permissions": sorted(set(permissions))}
    await plane.recorder.record(tx, by or HOST, ROLE_MADE, {"role": name}, after=after)
    return _role(name, frozenset(permissions), False)


async def change_role(
    identity: Identity, plane: Plane, by: str | None, name: str, permissions: Sequence[str]
) -> Role | Refusal:
    """Give a role other permissions, and end the sessions of who has it, but for who does it.

    Who does it must be permitted all that the role permits before and after. Refusals:
    `not_found`, `invalid_value`, `permission_not_held`, `operator_suspended` (who does it).
    """
    async with identity.db.begin(plane.schema) as tx:
        return await change_role_within(identity, plane, tx, by, name, permissions)


async def change_role_within(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, name: str, permissions: Sequence[str]
) -> Role | Refusal:
    """Do what `change_role` does in the caller's transaction, which is not to commit a refusal."""
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    if name in plane.built_in or name not in authority.meaning:
        return NO_ROLE
    before = sorted(authority.meaning[name].intersection(plane.known))
    refused = check_permissions(permissions, plane.known, authority.held) or (
        check_permissions(before, plane.known, authority.held)
    )
    if refused is not None:
        return refused
    await store.change(tx.driver, name, set(permissions), identity.clock.now())
    holders = set(await people.holders(tx.driver, name)) - {by}
    for holder in holders:
        if holder is not None:
            # What they offered others may be more than they may give now.
            await invitations.drop_by(tx.driver, holder)
    await sessions.end(tx.driver, [one for one in holders if one is not None])
    await plane.recorder.record(
        tx,
        by or HOST,
        ROLE_CHANGED,
        {"role": name},
        before={"permissions": before},
        after={"permissions": sorted(set(permissions))},
    )
    return _role(name, frozenset(permissions), False)


async def delete_role(
    identity: Identity, plane: Plane, by: str | None, name: str
) -> Refusal | None:
    """Delete a role that nobody has. `not_found`, `role_in_use`, `operator_suspended`."""
    async with identity.db.begin(plane.schema) as tx:
        return await delete_role_within(identity, plane, tx, by, name)


async def delete_role_within(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, name: str
) -> Refusal | None:
    """Do what `delete_role` does in the caller's transaction, which is not to commit a refusal."""
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    if name in plane.built_in or name not in authority.meaning:
        return NO_ROLE
    if await store.in_use(tx.driver, name, identity.clock.now()):
        return ROLE_IN_USE
    await store.drop(tx.driver, name)
    before = {"permissions": sorted(authority.meaning[name])}
    await plane.recorder.record(tx, by or HOST, ROLE_DELETED, {"role": name}, before=before)
    return None


def _role(name: str, permissions: frozenset[str], built_in: bool) -> Role:
    return Role(name=name, permissions=tuple(sorted(permissions)), built_in=built_in)
