"""Create a key: of a tenant's application, or of the deployment."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from guildbank.identity.contracts.events import KEY_CREATED
from guildbank.identity.contracts.machines import Key, KeyKind, NewKey
from guildbank.identity.rules import (
    SHOWN,
    check_power,
    check_scopes,
    new_token,
    read_allowed,
    token_hash,
)
from guildbank.identity.store import keys as store
from guildbank.identity.usecases import Identity
from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id, parse_id

NO_APPLICATION = Refusal(
    code="invalid_value",
    detail="There is no such application. Leave it out to make a new one.",
    field="application",
)
PUBLISHABLE_IS_EVERYWHERE = Refusal(
    code="invalid_value",
    detail="A publishable key is built into game clients, which may be anywhere.",
    field="allowedAddresses",
)


async def create_key(
    identity: Identity,
    tenant: TenantRef | None,
    name: str,
    scopes: Sequence[str] = (),
    *,
    kind: KeyKind = "secret",
    application: str | None = None,
    expires_at: datetime | None = None,
    allowed_addresses: Sequence[str] = (),
    held: Collection[str] | None = None,
    held_addresses: Sequence[str] = (),
    principal: str = HOST,
) -> NewKey | Refusal:
    """Return the key with its token, which is stored nowhere and shown this once.

    Without `tenant` it is a key of the deployment. `application` (`app_...`) adds a key to an
    application that has one, else it is a new application. With `allowed_addresses` (networks) a
    secret key may be used from there only. `held` limits the scopes to those of the caller,
    `held_addresses` the networks; an application that can do more gets no further key, which would
    act under its name. Refusals: `invalid_value`, `scope_not_held`, `address_not_held`, with the
    field named.
    """
    now = identity.clock.now()
    if (wrong := _check(identity, tenant, scopes, kind, held)) is not None:
        return wrong
    if expires_at is not None and expires_at <= now:
        return Refusal(code="invalid_value", detail="This time has passed.", field="expiresAt")
    if allowed_addresses and kind == "publishable":
        return PUBLISHABLE_IS_EVERYWHERE
    allowed = read_allowed(allowed_addresses, () if kind == "publishable" else held_addresses)
    if isinstance(allowed, Refusal):
        return allowed
    token = new_token(kind)
    key = Key(
        id=new_id("key"),
        application=application or new_id("app"),
        tenant_id=None if tenant is None else tenant.id,
        kind=kind,
        name=name,
        prefix=token[:SHOWN],
        scopes=tuple(sorted(set(scopes))),
        allowed_addresses=allowed,
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
        replaced_by=None,
        created_by=principal,
    )
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        if (wrong := await _check_application(tx, application, key.tenant_id, held)) is not None:
            return wrong
        await store.insert_key(tx, key, token_hash(token))
        await recorder.record(tx, principal, KEY_CREATED, told_of(key), after=shown(key))
    identity.keys.forget()
    return NewKey(key, token)


async def _check_application(
    tx: Tx, application: str | None, tenant_id: str | None, held: Collection[str] | None
) -> Refusal | None:
    """Return why the application can get no key from who holds these scopes, else None."""
    if application is None:
        return None
    known = parse_id("app", application) is not None
    others = await store.application_scopes(tx, application, tenant_id) if known else None
    if others is None:
        return NO_APPLICATION
    wrong = check_power(others, held)
    return None if wrong is None else msgspec.structs.replace(wrong, field="application")


def told_of(key: Key) -> Mapping[str, str]:
    """Return what the chain says of a key."""
    return {"keyId": key.id, "application": key.application}


def shown(key: Key) -> Mapping[str, object]:
    """Return what the audit says of a key beside the chain."""
    return {
        "name": key.name,
        "kind": key.kind,
        "scopes": key.scopes,
        "allowedAddresses": key.allowed_addresses,
        "expiresAt": key.expires_at,
    }


def _check(
    identity: Identity,
    tenant: TenantRef | None,
    scopes: Sequence[str],
    kind: KeyKind,
    held: Collection[str] | None,
) -> Refusal | None:
    if kind == "publishable":
        if tenant is None or scopes:
            return Refusal(
                code="invalid_value",
                detail="A publishable key names a tenant and has no scopes.",
                field="scopes" if scopes else "kind",
            )
        return None
    if not scopes:
        return Refusal(
            code="invalid_value", detail="A secret key needs at least one scope.", field="scopes"
        )
    wrong = check_scopes(scopes, identity.scopes, held)
    if wrong is not None:
        return wrong
    if (tenant is None) != (DEPLOYMENT_SCOPE in scopes) or (tenant is None and len(scopes) > 1):
        return Refusal(
            code="invalid_value",
            detail=f"{DEPLOYMENT_SCOPE!r} is the one scope of a key that has no tenant.",
            field="scopes",
        )
    return None
