"""Routes by which operators of the deployment keep its tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import get, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import (
    DEPLOYMENT_SCOPE,
    After,
    Body,
    JSONBody,
    Limit,
    Line,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.tenancy.contracts import Mode, SpentCoins, State, Tenant, TenantSettings
from guildbank.tenancy.rules import MAX_ORIGIN, MAX_ORIGINS
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.allow_origins import allow_origins
from guildbank.tenancy.usecases.create import create_tenant
from guildbank.tenancy.usecases.delete import delete_tenant
from guildbank.tenancy.usecases.read import get_tenant, list_tenants
from guildbank.tenancy.usecases.suspend import resume_tenant, suspend_tenant

Parts = Service[Tenancy]
Slug = Annotated[str, Meta(min_length=2, max_length=40, examples=["moonlit-games"])]
PathSlug = Annotated[str, PathParameter(description="The tenant's slug.", max_length=40)]
GUARDS = [scope(DEPLOYMENT_SCOPE)]
TAGS: Sequence[str] = ["Tenants"]


Origin = Annotated[
    str, Meta(min_length=1, max_length=MAX_ORIGIN, examples=["https://game.example"])
]
Origins = Annotated[
    list[Origin],
    Meta(
        max_length=MAX_ORIGINS,
        description="Origins whose pages may call in a browser: https, or http on loopback.",
    ),
]


class SettingsBody(Body):
    """Policies of a tenant; what is left out has its default."""

    spent_coins: SpentCoins = "refuse"
    cors_origins: Origins = msgspec.field(default_factory=list)


class CreateTenantBody(Body):
    """A new tenant. Mode `test` may use sandbox providers, `live` may not."""

    __example__: ClassVar = {
        "name": "Moonlit Games",
        "mode": "test",
    }

    slug: Slug
    name: Line
    mode: Mode = "test"
    settings: SettingsBody = msgspec.field(default_factory=SettingsBody)


class DeleteTenantBody(Body):
    """The slug typed again, so that nobody deletes the wrong tenant."""

    confirm: Slug


class OriginsBody(Body):
    """All origins whose pages may call; an empty list means none."""

    origins: Origins


class TenantSettingsView(View):
    """Policies of a tenant."""

    spent_coins: SpentCoins
    cors_origins: Sequence[str]


class TenantView(View):
    """A tenant."""

    __example__: ClassVar = {
        "id": "ten_01kag3pyqmf9aag12vtrsy70ps",
        "slug": "moonlit-games",
        "name": "Moonlit Games",
        "mode": "test",
        "state": "active",
    }

    id: str
    slug: str
    name: str
    mode: Mode
    state: State
    settings: TenantSettingsView
    created_at: datetime


class DeletedView(View):
    """A tenant that is gone; `archive` is a file in the server's archive folder."""

    __example__: ClassVar = {
        "slug": "moonlit-games",
        "archive": "moonlit-games-20261121T100000Z.zip",
    }

    slug: str
    archive: str
    state: Literal["deleted"] = "deleted"


@post("/v1/tenants", guards=GUARDS, tags=TAGS, summary="Create a tenant")
async def create(tenancy: Parts, data: JSONBody[CreateTenantBody]) -> TenantView:
    """Create a tenant with a schema of its own; answers in well under a second."""
    settings = TenantSettings(
        spent_coins=data.settings.spent_coins, cors_origins=tuple(data.settings.cors_origins)
    )
    return _view(granted(await create_tenant(tenancy, data.slug, data.name, data.mode, settings)))


@get("/v1/tenants", guards=GUARDS, tags=TAGS, summary="List tenants")
async def list_all(tenancy: Parts, limit: Limit = 50, after: After = None) -> Page[TenantView]:
    """List tenants in the order of their slugs, deleted ones left out."""
    position = decode_cursor(after, [str])
    tenants = await list_tenants(tenancy, str(position[0]) if position else "", limit + 1)
    page = tenants[:limit]
    more = encode_cursor([page[-1].ref.slug]) if len(tenants) > limit else None
    return Page([_view(tenant) for tenant in page], more)


@get("/v1/tenants/{slug:str}", guards=GUARDS, tags=TAGS, summary="Read a tenant")
async def read(tenancy: Parts, slug: PathSlug) -> TenantView:
    """Return a tenant that is not deleted."""
    return _view(granted(await get_tenant(tenancy, slug)))


@put(
    "/v1/tenants/{slug:str}/cors-origins",
    guards=GUARDS,
    tags=TAGS,
    summary="Say which pages may call",
)
async def put_origins(tenancy: Parts, slug: PathSlug, data: JSONBody[OriginsBody]) -> TenantView:
    """Replace the origins whose pages may call for the tenant; in force within seconds."""
    return _view(granted(await allow_origins(tenancy, slug, data.origins)))


@post(
    "/v1/tenants/{slug:str}/suspend",
    guards=GUARDS,
    tags=TAGS,
    status_code=200,
    summary="Suspend a tenant",
)
async def suspend(tenancy: Parts, caller: Who, slug: PathSlug) -> TenantView:
    """Refuse all writes from now on; reads go on. Safe to repeat."""
    return _view(granted(await suspend_tenant(tenancy, slug, caller.principal)))


@post(
    "/v1/tenants/{slug:str}/resume",
    guards=GUARDS,
    tags=TAGS,
    status_code=200,
    summary="Resume a tenant",
)
async def resume(tenancy: Parts, caller: Who, slug: PathSlug) -> TenantView:
    """Accept writes again. Safe to repeat."""
    return _view(granted(await resume_tenant(tenancy, slug, caller.principal)))


@post(
    "/v1/tenants/{slug:str}/delete",
    guards=GUARDS,
    tags=TAGS,
    status_code=200,
    summary="Delete a tenant",
)
async def delete(
    tenancy: Parts, caller: Who, slug: PathSlug, data: JSONBody[DeleteTenantBody]
) -> DeletedView:
    """Archive the tenant, then delete it with all its data. Its slug is never used again."""
    gone = granted(await delete_tenant(tenancy, slug, data.confirm, caller.principal))
    return DeletedView(slug=gone.slug, archive=gone.archive.name)


def _view(tenant: Tenant) -> TenantView:
    return TenantView(
        id=tenant.ref.id,
        slug=tenant.ref.slug,
        name=tenant.name,
        mode=tenant.ref.mode,
        state=tenant.ref.state,
        settings=TenantSettingsView(
            spent_coins=tenant.settings.spent_coins, cors_origins=tenant.settings.cors_origins
        ),
        created_at=tenant.created_at,
    )


ROUTES = (create, list_all, read, put_origins, suspend, resume, delete)
