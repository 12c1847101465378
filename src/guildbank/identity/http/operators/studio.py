"""Routes by which operators come in by the studio's own issuer, or link their account there."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode, urlsplit

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import PathParameter

from guildbank.identity.contracts.external import BAD_STATE
from guildbank.identity.contracts.operators import HalfSignIn
from guildbank.identity.contracts.studio import JOURNEY_LIFE, STUDIO_ELSEWHERE
from guildbank.identity.http.external import TRAVELLING
from guildbank.identity.http.operators.door import (
    PUBLIC,
    OfDeployment,
    SecretText,
    TenantSlug,
    browser_of,
    check_awake,
    check_place,
    cookies_of,
    plane_at,
    plane_of,
)
from guildbank.identity.http.operators.own import FRESH
from guildbank.identity.http.operators.own import TAGS as OWN_TAGS
from guildbank.identity.http.operators.sign_in import DOOR, TAGS
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.studio.accept import begin_to_accept
from guildbank.identity.usecases.studio.begin import Departure, begin_journey, journey_cookie
from guildbank.identity.usecases.studio.come_back import come_back
from guildbank.infra.http import Body, JSONBody, Problem, Service, View, Who, granted
from guildbank.infra.http.query import read_query
from guildbank.kernel import Refusal
from guildbank.tenancy import read_host

Parts = Service[ExternalSignIn]
Req = Request[Any, Any, Any]
PAGE = "/operator"
BACK = {"public": True, "limits": (TRAVELLING,), "any_query": True, "staff": True}
PlaneId = Annotated[
    str, PathParameter(description="The tenant's id, or `deployment`.", max_length=64)
]


class BeginStudioBody(Body):
    """Whose issuer is asked. With `anew` it asks the person anew, as dangerous calls want it."""

    __example__: ClassVar = {"deployment": False, "tenant": None, "anew": False}

    deployment: OfDeployment = False
    tenant: TenantSlug | None = None
    anew: bool = False


class AcceptByStudioBody(Body):
    """The token that the mailed link bears behind `#token=`."""

    token: SecretText


class DepartureView(View):
    """The issuer's address, for this browser to open within ten minutes."""

    __example__: ClassVar = {"url": "https://login.moonlit.example/authorize?client_id=guildbank"}

    url: str


@post(
    "/v1/operator/studio/begin",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Begin a sign-in by the studio",
)
async def begin_by_studio(
    external: Parts, request: Req, data: JSONBody[BeginStudioBody]
) -> Response[DepartureView]:
    """Return where to go, and a cookie without which nobody comes back.

    The browser comes back to the page `/operator`, signed in, or with what is still to be proved or
    what was refused behind `#`.
    """
    _check_page(external, request)
    plane = await plane_at(external.identity, request, data.deployment, data.tenant)
    begun = await begin_journey(
        external, plane, browser_of(external.identity, request), anew=data.anew
    )
    return _leaving(external, granted(begun))


@post(
    "/v1/operator/invitations/accept/studio",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Accept an invitation by the studio",
)
async def accept_by_studio(
    external: Parts, request: Req, data: JSONBody[AcceptByStudioBody]
) -> Response[DepartureView]:
    """Return where to go to accept, and a cookie without which nobody comes back.

    Who comes back with the address that was invited, for which the issuer must vouch, is an
    operator from then on, and the link is used up. Whatever is refused leaves it good.
    """
    _check_page(external, request)
    browser = browser_of(external.identity, request)
    return _leaving(external, granted(await begin_to_accept(external, data.token, browser)))


@post(
    "/v1/operator/studio/link",
    guards=FRESH,
    tags=OWN_TAGS,
    status_code=200,
    summary="Link one's account at the studio",
)
async def link_studio(external: Parts, request: Req, caller: Who) -> Response[DepartureView]:
    """Return where to go to become who the studio knows, in place of one's password.

    From then on the roles are those of one's groups, and all sessions of before have ended.
    """
    _check_page(external, request)
    check_awake(caller)
    plane = await plane_of(external.identity, caller)
    browser = browser_of(external.identity, request)
    begun = await begin_journey(external, plane, browser, anew=True, links=caller.principal)
    return _leaving(external, granted(begun))


@get(
    "/v1/operator/studio/callback/{plane_id:str}",
    opt=BACK,
    tags=TAGS,
    status_code=303,
    summary="Come back from the studio's issuer",
)
async def come_back_from_studio(external: Parts, request: Req, plane_id: PlaneId) -> Response[None]:
    """Finish at the issuer and lead on to the page `/operator`.

    What belongs to no sign-in of this browser signs nobody in: `bad_state`.
    """
    check_place(external.identity, request)
    plane = await external.identity.staff.plane_of(plane_id)
    pairs = read_query(request.scope["query_string"])
    params = dict(pairs)
    if plane is None or len(params) != len(pairs):
        return _to_page(BAD_STATE, [])
    name = request.headers.get("user-agent", "")
    found = await come_back(external, plane, params, request.cookies, name)
    gone = _cookie(external, journey_cookie(external, params.get("state", "")), "", 0)
    if isinstance(found, Refusal):
        return _to_page(found, [] if found is BAD_STATE else [gone])
    if isinstance(found, HalfSignIn):
        more = urlencode(
            {"challenge": found.challenge, "step": found.step, "methods": " ".join(found.methods)}
        )
        return _redirect(f"{PAGE}#{more}", [gone])
    return _redirect(PAGE, [gone, *cookies_of(external.identity, found)])


def _check_page(external: ExternalSignIn, request: Req) -> None:
    """Raise `studio_elsewhere` at another address than people come back to: its cookie is lost."""
    check_place(external.identity, request)
    if read_host(request.headers.get("host", "")) != urlsplit(external.url).hostname:
        raise Problem(STUDIO_ELSEWHERE)


def _leaving(external: ExternalSignIn, departure: Departure) -> Response[DepartureView]:
    seconds = int(JOURNEY_LIFE.total_seconds())
    cookie = _cookie(external, departure.cookie_name, departure.cookie, seconds)
    return Response(DepartureView(departure.url), cookies=[cookie])


def _to_page(refusal: Refusal, cookies: Sequence[Cookie]) -> Response[None]:
    return _redirect(f"{PAGE}#{urlencode({'problem': refusal.code})}", cookies)


def _redirect(location: str, cookies: Sequence[Cookie]) -> Response[None]:
    return Response(None, status_code=303, headers={"location": location}, cookies=cookies)


def _cookie(external: ExternalSignIn, name: str, value: str, max_age: int) -> Cookie:
    # Lax: the issuer's page leads back here, and a strict cookie would stay at home.
    return Cookie(
        key=name,
        value=value,
        path="/",
        secure=external.identity.staff.secure,
        httponly=True,
        samesite="lax",
        max_age=max_age,
    )


ROUTES = (begin_by_studio, accept_by_studio, link_studio, come_back_from_studio)
