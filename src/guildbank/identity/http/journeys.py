"""Routes that a person's browser opens on the way to an identity provider and back."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import PathParameter, QueryParameter

from guildbank.identity.http.external import TO_TRAVEL
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.begin import LIFE, depart
from guildbank.identity.usecases.external.come_back import come_back
from guildbank.infra.http import Service, granted, problem
from guildbank.infra.http.query import read_query
from guildbank.infra.tenant import TenantRef

Parts = Service[ExternalSignIn]
Req = Request[Any, Any, Any]
TAGS: Sequence[str] = ["Sign-in elsewhere"]
FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 32 * 1024
MAX_FORM_FIELDS = 64
BACK = {**TO_TRAVEL, "any_query": True}
Slug = Annotated[str, PathParameter(description="The tenant's slug.", max_length=40)]
ProviderPath = Annotated[str, PathParameter(description="The provider's id.", max_length=64)]
Ticket = Annotated[
    str, QueryParameter(description="What begins the journey, once.", min_length=1, max_length=64)
]


@get(
    "/v1/sign-in/go/{tenant_slug:str}",
    opt=TO_TRAVEL,
    tags=TAGS,
    status_code=303,
    summary="Leave for an identity provider",
)
async def leave_for_provider(external: Parts, tenant_slug: Slug, ticket: Ticket) -> Response[None]:
    """Bind a sign-in to this browser by a cookie and lead it on to the provider."""
    tenant = await _tenant(external, tenant_slug)
    leaving = granted(await depart(external, tenant, ticket))
    cookie = Cookie(
        key=leaving.cookie_name,
        value=leaving.cookie,
        path="/",
        max_age=int(LIFE.total_seconds()),
        httponly=True,
        secure=leaving.secure,
        samesite="none" if leaving.cross_site else "lax",
    )
    return _redirect(leaving.url, cookie)


@get(
    "/v1/sign-in/callback/{tenant_slug:str}/{provider:str}",
    opt=BACK,
    tags=TAGS,
    status_code=303,
    summary="Come back from an identity provider",
)
async def come_back_by_link(
    external: Parts, request: Req, tenant_slug: Slug, provider: ProviderPath
) -> Response[None]:
    """Finish at the provider and send the browser to the game's return URL.

    Where the answer belongs to no sign-in of this browser, nobody is sent anywhere: `bad_state`.
    """
    pairs = read_query(request.scope["query_string"])
    return await _came_back(external, request, tenant_slug, provider, pairs)


@post(
    "/v1/sign-in/callback/{tenant_slug:str}/{provider:str}",
    opt=TO_TRAVEL,
    tags=TAGS,
    status_code=303,
    summary="Come back from an identity provider by a form",
)
async def come_back_by_form(
    external: Parts, request: Req, tenant_slug: Slug, provider: ProviderPath
) -> Response[None]:
    """The same for providers that post a form from their own page, as Apple does."""
    return await _came_back(external, request, tenant_slug, provider, await _form(request))


async def _came_back(
    external: ExternalSignIn,
    request: Req,
    tenant_slug: str,
    provider: str,
    pairs: Sequence[tuple[str, str]],
) -> Response[None]:
    tenant = await _tenant(external, tenant_slug)
    params = _once(pairs)
    returned = granted(await come_back(external, tenant, provider, params, request.cookies))
    # The attributes of the prefix `__Host-` are needed to take such a cookie back, too.
    secure = returned.cookie_name.startswith("__Host-")
    gone = Cookie(key=returned.cookie_name, value="", path="/", max_age=0, secure=secure)
    return _redirect(returned.url, gone)


async def _form(request: Req) -> list[tuple[str, str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise problem("unsupported_media_type", f"A provider posts a form: {FORM}.")
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise problem("body_too_large", f"A form has at most {MAX_FORM_BYTES} bytes.")
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError:
        raise problem(
            "bad_request", "The form is not percent-encoded UTF-8, or too long."
        ) from None


def _once(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Return the parameters; of two with one name nobody knows which the provider meant."""
    params: dict[str, str] = {}
    for name, value in pairs:
        if name in params:
            raise problem("query_invalid", f"The parameter {name[:64]} is given twice.", name[:64])
        if "\x00" in name + value:
            raise problem("invalid_value", "Text must not contain the character U+0000.")
        params[name] = value
    return params


async def _tenant(external: ExternalSignIn, slug: str) -> TenantRef:
    tenant = await external.identity.tenants.by_slug(slug)
    if tenant is None:
        raise problem("not_found", "There is nothing at this address.")
    return tenant


def _redirect(url: str, cookie: Cookie) -> Response[None]:
    return Response(None, status_code=303, headers={"location": url}, cookies=[cookie])


ROUTES = (leave_for_provider, come_back_by_link, come_back_by_form)
