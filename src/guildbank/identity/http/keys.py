"""Routes of machine keys, for the deployment and for tenants' own applications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, delete, get, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.approvals import WAITS, FourEyes, fetch, held_back
from guildbank.identity.contracts.machines import Key, KeyKind, NewKey
from guildbank.identity.contracts.players import TENANT_SUSPENDED
from guildbank.identity.http import keys_approvable
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.machines.agreed_key import MakeKey, RenewKey
from guildbank.identity.usecases.machines.create_key import (
    WantedKey,
    check_wanted,
    kept_addresses,
    make_key,
)
from guildbank.identity.usecases.machines.end_key import revoke_key, rotate_key
from guildbank.identity.usecases.machines.list_keys import list_keys
from guildbank.infra.http import (
    DEPLOYMENT_SCOPE,
    After,
    Body,
    Caller,
    JSONBody,
    Limit,
    Line,
    Page,
    Problem,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    problem,
    scope,
)
from guildbank.infra.tenant import TenantRef

Parts = Service[Identity]
Eyes = Service[FourEyes]
Everything = Service[Any]
READ, WRITE = "keys:read", "keys:write"
WRITING = [scope(WRITE, fresh=True)]
TAGS: Sequence[str] = ["Keys"]
WEEK_SECONDS = 7 * 24 * 3600
ApprovalId = Annotated[str, PathParameter(description="The approval's id.", max_length=90)]
KeyId = Annotated[str, PathParameter(description="The key's id.", max_length=90)]
ScopeName = Annotated[str, Meta(min_length=1, max_length=64, examples=["wallets:spend"])]
TenantSlug = Annotated[str, Meta(min_length=2, max_length=40, examples=["moonlit-games"])]
Network = Annotated[str, Meta(min_length=2, max_length=49, examples=["203.0.113.0/24"])]
Networks = Annotated[
    list[Network],
    Meta(
        max_length=20,
        description="Networks from which a secret key may be used; none means from everywhere. "
        "Of IPv6 never smaller than a /64.",
    ),
]
Application = Annotated[str, Meta(min_length=1, max_length=90)]
Ends = Annotated[datetime, Meta(tz=True, description="With a zone, such as Z.")]


class CreateKeyBody(Body):
    """A new key. Only the deployment names a `tenant`; without one the key is its own."""

    __example__: ClassVar = {
        "name": "game-server",
        "kind": "secret",
        "tenant": None,
        "application": None,
        "allowedAddresses": ["203.0.113.0/24"],
        "expiresAt": None,
    }

    name: Line
    kind: KeyKind = "secret"
    scopes: Annotated[list[ScopeName], Meta(max_length=100)] = msgspec.field(default_factory=list)
    tenant: TenantSlug | None = None
    application: Application | None = None
    allowed_addresses: Networks = msgspec.field(default_factory=list)
    expires_at: Ends | None = None


class RotateKeyBody(Body):
    """How long the old key stays valid beside the new one."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=WEEK_SECONDS)] = 3600


class KeyView(View):
    """A key without its secret; `prefix` is how its token begins."""

    __example__: ClassVar = {
        "id": "key_01kag3pyqmf9aag12vtrsy70ps",
        "application": "app_01kag3pyqmf9aag12vtrsy70ps",
        "kind": "secret",
        "name": "game-server",
        "prefix": "sk_bYvfaZY",
        "scopes": ["wallets:spend"],
        "allowedAddresses": ["203.0.113.0/24"],
        "expiresAt": None,
        "revokedAt": None,
        "replacedBy": None,
        "createdBy": "op_01kag3pyqmf9aag12vtrsy70ps",
    }

    id: str
    application: str
    kind: KeyKind
    name: str
    prefix: str
    scopes: Sequence[str]
    allowed_addresses: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None
    created_by: Annotated[
        str | None,
        Meta(description="The application or operator that made it; null for the command line."),
    ]


class NewKeyView(View):
    """A key with its token, which is shown this once and stored nowhere."""

    __example__: ClassVar = {
        "token": "sk_...",
    }

    key: KeyView
    token: str


@post("/v1/keys", guards=WRITING, tags=TAGS, summary="Create a key", responses=WAITS)
async def create(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    data: JSONBody[CreateKeyBody],
) -> Response[NewKeyView]:
    """Create a key for an application. Keep the token: it is not shown again.

    While a tenant is suspended only the deployment's key creates keys for it. Where a second person
    must agree it is made later: fetch it at `/v1/approvals/{id}/key` then.
    """
    if caller.tenant is not None and caller.tenant.state != "active":
        raise Problem(TENANT_SUSPENDED)
    tenant = await _tenant(identity, caller, data.tenant, "tenant")
    # Where the operator sits says nothing of where a tenant's machines are.
    own = caller.allowed_addresses if caller.tenant == tenant else ()
    wanted = WantedKey(
        name=data.name,
        kind=data.kind,
        scopes=tuple(data.scopes),
        application=data.application,
        expires_at=data.expires_at,
        allowed_addresses=granted(kept_addresses(data.kind, data.allowed_addresses, own)),
    )
    if (wrong := check_wanted(identity, tenant, wanted, _held(caller))) is not None:
        raise Problem(wrong)
    wish = MakeKey(wanted, None if caller.tenant == tenant or tenant is None else tenant.slug)
    waits = await held_back(four_eyes, everything, caller, keys_approvable.CREATE, wish)
    if waits is not None:
        return waits
    made = await make_key(identity, tenant, wanted, _held(caller), caller.principal)
    return Response(_new_view(granted(made)))


@get("/v1/keys", guards=[scope(READ)], tags=TAGS, summary="List keys")
async def list_all(
    identity: Parts,
    caller: Who,
    tenant: Annotated[str | None, QueryParameter(name="tenant", max_length=40)] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[KeyView]:
    """List keys, oldest first. Only the deployment names a `tenant`."""
    position = decode_cursor(after, [str])
    owner = await _tenant(identity, caller, tenant, "tenant")
    keys = await list_keys(identity, owner, str(position[0]) if position else "", limit + 1)
    page = keys[:limit]
    more = encode_cursor([page[-1].id]) if len(keys) > limit else None
    return Page([_view(key) for key in page], more)


@delete("/v1/keys/{key_id:str}", guards=WRITING, tags=TAGS, summary="Revoke a key")
async def revoke(identity: Parts, caller: Who, key_id: KeyId) -> None:
    """End a key; within a second it is refused everywhere. Safe to repeat.

    Only who has all scopes of the key may: else a small key could stop a game.
    """
    ended = await revoke_key(
        identity,
        key_id,
        caller.tenant,
        any_tenant=caller.of_deployment,
        held=_held(caller),
        principal=caller.principal,
    )
    granted(ended)


@post(
    "/v1/keys/{key_id:str}/rotate",
    guards=WRITING,
    tags=TAGS,
    summary="Rotate a key",
    responses=WAITS,
)
async def rotate(
    identity: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    key_id: KeyId,
    data: JSONBody[RotateKeyBody],
) -> Response[NewKeyView]:
    """Make a successor; the old key stays valid for `overlapSeconds`.

    Only who has all scopes of the key may. Where a second person must agree it is made later, and
    the overlap begins then: fetch it at `/v1/approvals/{id}/key`.
    """
    wish = RenewKey(
        key_id=key_id,
        overlap_seconds=data.overlap_seconds,
        held=tuple(sorted(caller.scopes)) if caller.kind == "machine" else None,
        held_addresses=caller.allowed_addresses,
    )
    waits = await held_back(four_eyes, everything, caller, keys_approvable.ROTATE, wish)
    if waits is not None:
        return waits
    made = await rotate_key(
        identity,
        key_id,
        caller.tenant,
        data.overlap_seconds,
        any_tenant=caller.of_deployment,
        held_addresses=caller.allowed_addresses,
        held=_held(caller),
        principal=caller.principal,
    )
    return Response(_new_view(granted(made)))


@post(
    "/v1/approvals/{approval_id:str}/key",
    guards=WRITING,
    tags=TAGS,
    summary="Fetch a key that was agreed to",
)
async def fetch_key(
    four_eyes: Eyes, everything: Everything, caller: Who, approval_id: ApprovalId
) -> NewKeyView:
    """Make the key that one asked for and somebody agreed to. Keep the token: it is shown once.

    Only who asked fetches it, once, within 24 hours of the agreement; both persons' rights are
    looked at again. Whoever loses the answer revokes the key and asks anew.
    """
    made = await fetch(
        four_eyes,
        everything,
        caller.tenant,
        caller.principal,
        approval_id,
        (keys_approvable.CREATE, keys_approvable.ROTATE),
    )
    return _new_view(granted(made))


async def _tenant(
    identity: Identity, caller: Caller, slug: str | None, field: str
) -> TenantRef | None:
    """Return the tenant meant: a tenant's key means its own, the deployment says which."""
    if not caller.of_deployment:
        if slug is not None and slug != caller.home.slug:
            raise problem("not_found", "There is no such tenant.", field)
        return caller.home
    if slug is None:
        return None
    found = await identity.tenants.by_slug(slug)
    if found is None:
        raise problem("not_found", "There is no such tenant.", field)
    return found


def _held(caller: Caller) -> frozenset[str] | None:
    """Return the scopes that the caller can give; who keeps tenants can give all."""
    return None if DEPLOYMENT_SCOPE in caller.scopes else caller.scopes


def _view(key: Key) -> KeyView:
    return KeyView(
        id=key.id,
        application=key.application,
        kind=key.kind,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        allowed_addresses=key.allowed_addresses,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        replaced_by=key.replaced_by,
        created_by=key.created_by,
    )


def _new_view(made: NewKey) -> NewKeyView:
    return NewKeyView(key=_view(made.key), token=made.token)


ROUTES = (create, list_all, revoke, rotate, fetch_key)
