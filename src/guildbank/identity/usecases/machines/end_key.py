"""End a key: at once, or by a successor that takes over during an overlap."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from guildbank.identity.contracts.events import KEY_REVOKED, KEY_ROTATED
from guildbank.identity.contracts.machines import (
    KEY_ENDED,
    NO_KEY,
    NOT_FROM_EVERYWHERE,
    Key,
    NewKey,
)
from guildbank.identity.rules import SHOWN, check_power, new_token, read_allowed, token_hash
from guildbank.identity.store import keys as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.machines.create_key import shown, told_of
from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Recorder
from guildbank.kernel import Refusal, new_id


async def revoke_key(
    identity: Identity,
    key_id: str,
    tenant: TenantRef | None,
    *,
    any_tenant: bool = False,
    principal: str = HOST,
    held: Collection[str] | None = None,
) -> Key | Refusal:
    """End a key within a second everywhere. A revoked key stays so.

    Looks among the keys of `tenant` (None: of the deployment) unless `any_tenant`. With `held` the
    key may have no other scopes: whoever holds less could stop a game. Refusals: `not_found`,
    `scope_not_held`.
    """
    tenant_id = None if tenant is None else tenant.id
    now = identity.clock.now()
    recorder = await recorder_of(identity, key_id, tenant, any_tenant=any_tenant)
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        key = await store.key_by_id(tx, key_id, tenant_id, any_tenant=any_tenant)
        if key is None:
            return NO_KEY
        if (above := check_power(key.scopes, held)) is not None:
            return above
        if key.revoked_at is None:
            await store.revoke(tx, key_id, now)
            await recorder.record(tx, principal, KEY_REVOKED, told_of(key), before=shown(key))
    identity.keys.forget()
    return msgspec.structs.replace(key, revoked_at=key.revoked_at or now)


async def rotate_key(
    identity: Identity,
    key_id: str,
    tenant: TenantRef | None,
    overlap_seconds: int,
    *,
    any_tenant: bool = False,
    held: Collection[str] | None = None,
    held_addresses: Sequence[str] = (),
    principal: str = HOST,
) -> NewKey | Refusal:
    """Return a successor with the same application, scopes, allowed addresses and lifetime.

    The old key stays valid for `overlap_seconds`, or until its own end if that is sooner. The
    principal is the application, so idempotency keys keep their meaning. With `held` the old key
    may have no other scopes: its successor's token is a key to them; the same with networks and
    `held_addresses`, but for keys of a tenant that the deployment renews. Refusals: `not_found`,
    `scope_not_held`, `address_not_held`, `key_ended` (revoked, expired or rotated before).
    """
    recorder = await recorder_of(identity, key_id, tenant, any_tenant=any_tenant)
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        made = await rotate_within(
            identity, recorder, tx, key_id, tenant, overlap_seconds, any_tenant=any_tenant,
            held=held, held_addresses=held_addresses, principal=principal,
        )  # fmt: skip
    if isinstance(made, NewKey):
        identity.keys.forget()
    return made


async def rotate_within(
    identity: Identity,
    recorder: Recorder,
    tx: Tx,
    key_id: str,
    tenant: TenantRef | None,
    overlap_seconds: int,
    *,
    any_tenant: bool,
    held: Collection[str] | None,
    held_addresses: Sequence[str],
    principal: str,
) -> NewKey | Refusal:
    """Do what `rotate_key` does in a transaction on the control schema.

    The caller is not to commit a refusal, and forgets known keys afterwards.
    """
    tenant_id = None if tenant is None else tenant.id
    now = identity.clock.now()
    old = await store.key_by_id(tx, key_id, tenant_id, any_tenant=any_tenant)
    if old is None:
        return NO_KEY
    if (above := check_power(old.scopes, held)) is not None:
        return above
    if held_addresses and old.kind == "secret" and old.tenant_id == tenant_id:
        if not old.allowed_addresses:
            return NOT_FROM_EVERYWHERE
        narrower = read_allowed(old.allowed_addresses, held_addresses)
        if isinstance(narrower, Refusal):
            return msgspec.structs.replace(narrower, field=None)
    expired = old.expires_at is not None and old.expires_at <= now
    if expired or old.revoked_at is not None or old.replaced_by is not None:
        return KEY_ENDED
    token = new_token(old.kind)
    fresh = _successor(old, token, now, principal)
    await store.insert_key(tx, fresh, token_hash(token))
    ends = now + timedelta(seconds=overlap_seconds)
    if old.expires_at is not None:
        ends = min(ends, old.expires_at)
    await store.replace(tx, old.id, fresh.id, ends)
    told = {**told_of(old), "successor": fresh.id}
    after = {**shown(fresh), "ends": ends}
    await recorder.record(tx, principal, KEY_ROTATED, told, before=shown(old), after=after)
    return NewKey(fresh, token)


def _successor(old: Key, token: str, now: datetime, principal: str) -> Key:
    """Return the key that takes over, with the lifetime that the old one had."""
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    return msgspec.structs.replace(
        old,
        id=new_id("key"),
        prefix=token[:SHOWN],
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        last_used_at=None,
        created_by=principal,
    )


async def recorder_of(
    identity: Identity, key_id: str, tenant: TenantRef | None, *, any_tenant: bool
) -> Recorder:
    """Return the recorder of whose key it is, which the deployment may not know before."""
    if any_tenant:
        # It is locked for that moment; what is decided is decided on what is read again.
        async with identity.db.begin(CONTROL_SCHEMA) as tx:
            key = await store.key_by_id(tx, key_id, None, any_tenant=True)
        if key is not None and key.tenant_id is not None:
            tenant = await identity.tenants.by_id(key.tenant_id)
    return await identity.recorder(tenant)
