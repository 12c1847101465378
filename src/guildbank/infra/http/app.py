"""Builds the HTTP app from what rooms publish, so that every route gets the same edge."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.routes import BaseRoute
from litestar.types import ControllerRouterHandler

from guildbank.infra.config import Settings
from guildbank.infra.http.admission import Gate
from guildbank.infra.http.caller import (
    AUTHENTICATE,
    FIND_HOME,
    GATE,
    Authenticate,
    Caller,
    FindHome,
    admit,
    caller_of,
    count,
    home_of,
)
from guildbank.infra.http.cors import Cors, Origins
from guildbank.infra.http.decoding import StrictRequest
from guildbank.infra.http.docs import DOCS_SECURITY_POLICY, docs_page, problems_page
from guildbank.infra.http.edge import Edge
from guildbank.infra.http.faults import Faults
from guildbank.infra.http.health import ReadyCheck, health_routes
from guildbank.infra.http.openapi import build_document
from guildbank.infra.http.problems import Code, Codes
from guildbank.infra.http.query import QueryCheck
from guildbank.infra.http.shortcuts import check_guards, shorten
from guildbank.infra.limits.limiter import Limiter
from guildbank.infra.metrics import Metrics
from guildbank.infra.tenant import TenantRef

Hook: TypeAlias = Callable[[], Awaitable[None]]
TITLE = "Guildbank"
DESCRIPTION = (
    "Economy server for games. Virtual amounts are integers, real money is a decimal string with "
    "its currency, times are RFC 3339 in UTC. Errors are problem documents (RFC 9457) with a "
    "stable `code`. Lists are pages: pass `next` as `after`."
)


def build_app(
    *,
    routes: Sequence[ControllerRouterHandler],
    authenticate: Authenticate,
    find_home: FindHome | None = None,
    settings: Settings,
    codes: Iterable[Code] = (),
    services: Mapping[str, object] | None = None,
    checks: Mapping[str, ReadyCheck] | None = None,
    version: str = "0.1.0",
    metrics: Metrics | None = None,
    limiter: Limiter | None = None,
    origins: Origins | None = None,
    on_startup: Sequence[Hook] = (),
    on_shutdown: Sequence[Hook] = (),
) -> Litestar:
    """Return the app: `routes` behind authentication, limits and problems, plus docs and health.

    A route takes `caller: Caller` and any name in `services` as parameters; a route with
    `opt={"public": True}` is open and must not take `caller`, but may take `home`; one with
    `opt={"limits": (...)}` has RateLimits of its own. Without a `limiter` nothing is limited,
    without `origins` no page of another origin may call. Raises CodeClash if two rooms declare a
    problem code differently, and LimitClash if two routes do so with a limit.
    """
    registry = Codes(codes)
    counters = metrics or Metrics()
    query = QueryCheck()
    gate = Gate(limiter, settings, counters)
    pages = DocsPages(registry, version)

    async def before_route(request: Request[Any, Any, State]) -> None:
        await check_guards(request)
        await admit(request)
        await count(request)
        query.check(request)

    app = Litestar(
        route_handlers=[*routes, *health_routes(checks or {}, counters), *pages.routes()],
        request_class=StrictRequest,
        request_max_body_size=settings.max_body_bytes,
        before_request=before_route,
        state=State({AUTHENTICATE: authenticate, FIND_HOME: find_home, GATE: gate}),
        dependencies=_dependencies(services or {}),
        exception_handlers={Exception: Faults(registry)},
        openapi_config=None,
        logging_config=None,
        on_startup=[pages.write, *on_startup],
        on_shutdown=list(on_shutdown),
    )
    query.learn(app.routes)
    gate.learn(app.routes)
    pages.learn(app.routes)
    shorten(app.routes)
    # Litestar's own middleware does not see requests that match no route, and the edge must.
    inner, cors = app.asgi_handler, Cors(origins)
    app.asgi_handler = Edge(inner, registry, counters, settings, gate=gate, cors=cors)
    return app


class DocsPages:
    """The documentation's routes. Its pages are written once, before the app serves anybody."""

    def __init__(self, codes: Codes, version: str) -> None:
        self._codes = codes
        self._version = version
        self._routes: Sequence[BaseRoute] = ()

    def learn(self, routes: Sequence[BaseRoute]) -> None:
        """Note what there is to tell, once the app has all its routes."""
        self._routes = routes

    async def write(self) -> None:
        """Render every page as the app starts, so that nobody waits for it."""
        _ = self._pages

    @cached_property
    def _pages(self) -> tuple[bytes, bytes, bytes]:
        document = build_document(
            self._routes, self._codes, title=TITLE, version=self._version, description=DESCRIPTION
        )
        pages = docs_page(document), problems_page(self._codes)
        return msgspec.json.encode(document), pages[0].encode(), pages[1].encode()

    def routes(self) -> list[ControllerRouterHandler]:
        """Return `/openapi.json`, `/docs` and `/docs/problems`, all public."""
        public = {"public": True}

        @get("/openapi.json", opt=public, include_in_schema=False)
        async def openapi_json() -> Response[bytes]:
            return Response(self._pages[0], media_type="application/json", headers=_KEPT)

        @get("/docs", opt=public, include_in_schema=False)
        async def docs() -> Response[bytes]:
            return Response(self._pages[1], media_type="text/html", headers=_PAGE)

        @get("/docs/problems", opt=public, include_in_schema=False)
        async def problems() -> Response[bytes]:
            return Response(self._pages[2], media_type="text/html", headers=_PAGE)

        return [openapi_json, docs, problems]


_KEPT = {"cache-control": "public, max-age=60"}
_PAGE = {
    **_KEPT,
    "content-security-policy": DOCS_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
}


def _dependencies(services: Mapping[str, object]) -> dict[str, Provide]:
    return {
        "caller": Provide(_provide_caller, sync_to_thread=False),
        "home": Provide(_provide_home),
        **{name: _provide(services, name) for name in services},
    }


def _provide_caller(request: StrictRequest) -> Caller:
    return caller_of(request)


async def _provide_home(request: StrictRequest) -> TenantRef:
    return await home_of(request)


def _provide(services: Mapping[str, object], name: str) -> Provide:
    def given() -> Any:
        return services[name]

    return Provide(given, sync_to_thread=False)
