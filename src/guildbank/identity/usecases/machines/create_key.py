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
from guildbank.journal import Recorder
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


class WantedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made; `allowed_addresses` are networks as they are kept."""

    name: str
    kind: KeyKind = "secret"
    scopes: tuple[str, ...] = ()
    application: str | None = None
    expires_at: datetime | None = None
    allowed_addresses: tuple[str, ...] = ()


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
    allowed = kept_addresses(kind, allowed_addresses, held_addresses)
    if isinstance(allowed, Refusal):
        return allowed
    wanted = WantedKey(
        name=name, kind=kind, scopes=tuple(scopes), application=application,
        expires_at=expires_at, allowed_addresses=allowed,
    )  # fmt: skip
    if (wrong := check_wanted(identity, tenant, wanted, held)) is not None:
        return wrong
    return await make_key(identity, tenant, wanted, held, principal)


async def make_key(
    identity: Identity,
    tenant: TenantRef | None,
    wanted: WantedKey,
    held: Collection[str] | None,
    principal: str,
) -> NewKey | Refusal:
    """Return a key that was checked, with its token. Refusals: those of the application."""
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        made = await create_within(identity, recorder, tx, tenant, wanted, held, principal)
    if isinstance(made, NewKey):
        identity.keys.forget()
    return made


def kept_addresses(
    kind: KeyKind, allowed: Sequence[str], held: Sequence[str]
) -> tuple[str, ...] | Refusal:
    """Return the networks of a key as they are kept. `invalid_value`, `address_not_held`."""
    if allowed and kind == "publishable":
        return PUBLISHABLE_IS_EVERYWHERE
    return read_allowed(allowed, () if kind == "publishable" else held)


def check_wanted(
    identity: Identity, tenant: TenantRef | None, wanted: WantedKey, held: Collection[str] | None
) -> Refusal | None:
    """Return what is wrong with a key that is wanted. `invalid_value`, `scope_not_held`."""
    if (wrong := _check(identity, tenant, wanted.scopes, wanted.kind, held)) is not None:
        return wrong
    if wanted.expires_at is not None and wanted.expires_at <= identity.clock.now():
        return Refusal(code="invalid_value", detail="This time has passed.", field="expiresAt")
    return None


async def create_within(
    identity: Identity,
    recorder: Recorder,
    tx: Tx,
    tenant: TenantRef | None,
    wanted: WantedKey,
    held: Collection[str] | None,
    principal: str,
) -> NewKey | Refusal:
    """Do what `create_key` does in a transaction on the control schema, once it is checked.

    The caller is not to commit a refusal, and forgets known keys afterwards.
    """
    tenant_id = None if tenant is None else tenant.id
    wrong = await _check_application(tx, wanted.application, tenant_id, held)
    if wrong is not None:
        return wrong
    token = new_token(wanted.kind)
    key = Key(
        id=new_id("key"),
        application=wanted.application or new_id("app"),
        tenant_id=tenant_id,
        kind=wanted.kind,
        name=wanted.name,
        prefix=token[:SHOWN],
        scopes=tuple(sorted(set(wanted.scopes))),
        allowed_addresses=wanted.allowed_addresses,
        created_at=identity.clock.now(),
        expires_at=wanted.expires_at,
        last_used_at=None,
        revoked_at=None,
        replaced_by=None,
        created_by=principal,
    )
    await store.insert_key(tx, key, token_hash(token))
    await recorder.record(tx, principal, KEY_CREATED, told_of(key), after=shown(key))
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
