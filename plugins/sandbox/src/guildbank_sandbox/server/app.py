"""Puts the server together."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from litestar import Litestar, Response, get
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from guildbank_sandbox.server import api, checkout, dashboard, idempotency
from guildbank_sandbox.server.config import Config
from guildbank_sandbox.server.courier import Courier
from guildbank_sandbox.server.database import Database
from guildbank_sandbox.server.edge import (
    Refused,
    WebRequest,
    check_host,
    crash_response,
    http_error_response,
    refusal_response,
)
from guildbank_sandbox.server.pages import Pages, stylesheet

MAX_BODY_BYTES = 64 * 1024


@get("/healthz", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the server is up; clients wait for this after starting it."""
    return {"status": "ok"}


def create_app(config: Config) -> Litestar:
    """Return the ASGI app. Its file is open from here on and closed when it stops."""
    database = Database(config)
    pages = Pages(config.public_url, database.secret("forms"))
    public_host = urlsplit(config.public_url).netloc

    def turn_away_strange_hosts(request: WebRequest) -> Response[dict[str, object]] | None:
        return check_host(request, public_host)

    @asynccontextmanager
    async def working(_: Litestar) -> AsyncIterator[None]:
        with database.session() as s:
            idempotency.forget_old(s)
        courier = asyncio.create_task(Courier(database).run())
        try:
            yield
        finally:
            courier.cancel()
            with suppress(asyncio.CancelledError):
                await courier
            database.close()

    async def name_request(message: Message, _: Scope) -> None:
        """Say under which id a request would be found, whatever came of it."""
        if message["type"] == "http.response.start":
            name = f"req_{secrets.token_hex(8)}"
            MutableScopeHeaders.from_message(message=message)["request-id"] = name

    return Litestar(
        route_handlers=[health, stylesheet, api.ROUTER, *checkout.ROUTES, *dashboard.ROUTES],
        dependencies={
            "database": Provide(lambda: database, sync_to_thread=False),
            "pages": Provide(lambda: pages, sync_to_thread=False),
        },
        before_send=[name_request],
        before_request=turn_away_strange_hosts,
        exception_handlers={
            Refused: refusal_response,
            HTTPException: http_error_response,
            Exception: crash_response,
        },
        logging_config=None,
        lifespan=[working],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
    )
