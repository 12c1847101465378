"""The route by which a tenant is deleted: it stands above tenancy, since it may have to wait."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from litestar import Response, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals.http.waiting import WAITS, held_back
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases.delete_tenant import VERB, DeleteTenant
from guildbank.infra.http import (
    DEPLOYMENT_SCOPE,
    Body,
    JSONBody,
    Service,
    View,
    Who,
    granted,
    scope,
)
from guildbank.tenancy import Tenancy, check_deletion, delete_tenant

TAGS: Sequence[str] = ["Tenants"]
Slug = Annotated[str, Meta(min_length=2, max_length=40, examples=["moonlit-games"])]
PathSlug = Annotated[str, PathParameter(description="The tenant's slug.", max_length=40)]


class DeleteTenantBody(Body):
    """The slug typed again, so that nobody deletes the wrong tenant."""

    confirm: Slug


class DeletedView(View):
    """A tenant that is gone; `archive` is a file in the server's archive folder."""

    __example__: ClassVar = {
        "slug": "moonlit-games",
        "archive": "moonlit-games-20261121T100000Z.zip",
    }

    slug: str
    archive: str
    state: Literal["deleted"] = "deleted"


@post(
    "/v1/tenants/{slug:str}/delete",
    guards=[scope(DEPLOYMENT_SCOPE, fresh=True)],
    tags=TAGS,
    status_code=200,
    summary="Delete a tenant",
    responses=WAITS,
)
async def delete(
    tenancy: Service[Tenancy],
    four_eyes: Service[FourEyes],
    everything: Service[Any],
    caller: Who,
    slug: PathSlug,
    data: JSONBody[DeleteTenantBody],
) -> Response[DeletedView]:
    """Archive the tenant, then delete it with all its data. Its slug is never used again."""
    granted(await check_deletion(tenancy, slug, data.confirm))
    waits = await held_back(four_eyes, everything, caller, VERB, DeleteTenant(slug))
    if waits is not None:
        return waits
    gone = granted(await delete_tenant(tenancy, slug, data.confirm, caller.principal))
    return Response(DeletedView(slug=gone.slug, archive=gone.archive.name))


ROUTES = (delete,)
