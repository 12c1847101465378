"""Make or rotate a key as somebody of a plane, within the transaction that consumes an approval.

What the caller's session or key could do when it was asked for was looked at then; here counts what
the person or the application may do now.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from guildbank.identity.contracts.machines import NewKey
from guildbank.identity.store import keys as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.machines.create_key import (
    WantedKey,
    check_wanted,
    create_within,
)
from guildbank.identity.usecases.machines.end_key import recorder_of, rotate_within
from guildbank.identity.usecases.operators.authority import authority_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA, Tx, search_path
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id

Make: TypeAlias = Callable[[Tx], Awaitable[NewKey | Refusal]]
NO_TENANT = Refusal(code="not_found", detail="There is no such tenant.", field="tenant")


class MakeKey(msgspec.Struct, frozen=True):
    """A key to be made; `tenant` is the slug of whose it is where the deployment makes it."""

    wanted: WantedKey
    tenant: str | None = None


class RenewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be rotated. A key that asked for it is held to its own scopes and networks."""

    key_id: str
    overlap_seconds: int
    held: tuple[str, ...] | None = None
    held_addresses: tuple[str, ...] = ()


async def making(
    identity: Identity, tenant: TenantRef | None, by: str, command: MakeKey
) -> Make | Refusal:
    """Return what makes the key. Refusals, then and now: those of `create_key`, `not_found`."""
    plane, owner = await identity.staff.plane(tenant), tenant
    if tenant is None and command.tenant is not None:
        owner = await identity.tenants.by_slug(command.tenant)
        if owner is None:
            return NO_TENANT
    recorder = await identity.recorder(owner)

    async def make(tx: Tx) -> NewKey | Refusal:
        held = await _held(identity, plane, tx, tenant, by)
        if isinstance(held, Refusal):
            return held
        wrong = check_wanted(identity, owner, command.wanted, held)
        if wrong is not None:
            return wrong
        return await create_within(identity, recorder, tx, owner, command.wanted, held, by)

    return make


async def renewing(
    identity: Identity, tenant: TenantRef | None, by: str, command: RenewKey
) -> Make | Refusal:
    """Return what rotates the key. Refusals, then and now: those of `rotate_key`."""
    plane, everywhere = await identity.staff.plane(tenant), tenant is None
    recorder = await recorder_of(identity, command.key_id, tenant, any_tenant=everywhere)

    async def make(tx: Tx) -> NewKey | Refusal:
        held = await _held(identity, plane, tx, tenant, by)
        if isinstance(held, Refusal):
            return held
        if command.held is not None:
            held = frozenset(command.held) if held is None else held.intersection(command.held)
        return await rotate_within(
            identity, recorder, tx, command.key_id, tenant, command.overlap_seconds,
            any_tenant=everywhere, held=held, held_addresses=command.held_addresses, principal=by,
        )  # fmt: skip

    return make


async def _held(
    identity: Identity, plane: Plane, tx: Tx, tenant: TenantRef | None, by: str
) -> frozenset[str] | Refusal | None:
    """Return the scopes that somebody can give, None for all, and turn to the control schema."""
    held: frozenset[str] | None = None
    if parse_id("op", by) is not None:
        authority = await authority_of(plane, tx, by)
        if isinstance(authority, Refusal):
            return authority
        held = authority.held
    await tx.driver.execute(search_path(CONTROL_SCHEMA))
    if held is None and by != HOST:
        tenant_id = None if tenant is None else tenant.id
        held = await store.application_power(tx, by, tenant_id, identity.clock.now())
    return None if held is None or DEPLOYMENT_SCOPE in held else held
