"""Look at what a link or a page leads to, and change nothing."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.identity.contracts.operators import (
    INVITATION_ENDED,
    OWNER,
    OWNER_EXISTS,
    RESET_ENDED,
    ComesInBy,
)
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import factors, invitations, people, studio
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.invite import plane_of_secret
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.kernel import Refusal

Opens: TypeAlias = Literal["invitation", "reset"]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a link is good for now; `address` None is one that its reader gives."""

    tenant: str | None
    address: str | None
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None
    comes_in_by: ComesInBy = "password"


async def look_at_link(identity: Identity, secret: str, opens: Opens) -> Link | Refusal:
    """Return what whoever holds the link may read of it. `invitation_ended`, `reset_ended`."""
    plane = await plane_of_secret(identity, secret)
    ended = INVITATION_ENDED if opens == "invitation" else RESET_ENDED
    if plane is None:
        return ended
    tenant = None if plane.tenant is None else plane.tenant.slug
    now, hash_ = identity.clock.now(), token_hash(secret)
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        if opens == "reset":
            operator_id = await factors.find_ticket(tx.driver, hash_, "reset_password", now)
            operator = None if operator_id is None else await people.one(tx.driver, operator_id)
            return ended if operator is None else Link(tenant=tenant, address=operator.address)
        found = await invitations.find(tx.driver, hash_, now)
        if found is None:
            return ended
        if found.kind == "first_owner" and await people.holders(tx.driver, OWNER):
            return OWNER_EXISTS
    return Link(
        tenant=tenant,
        address=found.address,
        roles=found.roles,
        expires_at=found.expires_at,
        comes_in_by=found.comes_in_by,
    )


async def has_studio(identity: Identity, plane: Plane) -> bool:
    """Say whether operators of the plane may come in by the studio's issuer."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        account = await studio.read(tx.driver)
    return account is not None and account.enabled
