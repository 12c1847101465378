"""Which pages in browsers may call: those whose origin the tenant lists (WHATWG Fetch, CORS).

A preflight names no tenant: it carries neither credentials nor the publishable key. So it passes
when any tenant lists the origin, which grants nothing yet; the answer to the request itself can be
read only where the tenant that it is about lists the origin. `Access-Control-Allow-Credentials` is
never sent, so nobody calls with what a browser holds: a page has to have the token. The cookie of
an operator is for pages of the host itself, and that of a sign-in elsewhere says which browser
began it, and no more.
"""

from typing import Final, Protocol

import structlog

from guildbank.infra.http.caller import Caller
from guildbank.infra.http.problems import problem

log = structlog.get_logger("guildbank.http")

MAX_ORIGIN_BYTES = 300
_PREFLIGHT_SECONDS = 600
_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"
_SENT: Final = (
    b"authorization, content-type, idempotency-key, x-guildbank-key, x-request-id, traceparent"
)
_READ: Final = b"x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate"
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", _METHODS),
    (b"access-control-allow-headers", _SENT),
    (b"access-control-max-age", str(_PREFLIGHT_SECONDS).encode()),
)

Headers = list[tuple[bytes, bytes]]


class Origins(Protocol):
    """Who knows the origins that tenants list."""

    async def allowed(self, origin: str, caller: Caller | None, key: str | None) -> bool:
        """Say whether a page of this origin may read an answer to the caller.

        Without a caller the publishable `key` names the tenant; without either, or with one that
        names none, an origin that any tenant lists will do.
        """
        ...


class Cors:
    """The headers of CORS; without `origins` no page may call."""

    def __init__(self, origins: Origins | None) -> None:
        self._origins = origins

    async def preflight(self, origin: bytes) -> Headers:
        """Return the headers that let a browser go on; raises `origin_not_allowed`."""
        if not await self._allowed(origin, None, None):
            raise problem(
                "origin_not_allowed",
                "No tenant lists this page's origin. Add it to the tenant's corsOrigins.",
            )
        return [(b"access-control-allow-origin", origin), *_PREFLIGHT]

    async def answer(self, origin: bytes, caller: Caller | None, key: bytes | None) -> Headers:
        """Return the headers that let the page read an answer, or none."""
        try:
            named = None if key is None else key.decode("latin-1")
            if not await self._allowed(origin, caller, named):
                return []
        except Exception as error:  # the answer itself is worth more than who may read it
            log.warning("origin_not_looked_up", cause=repr(error))
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _READ),
        ]

    async def _allowed(self, origin: bytes, caller: Caller | None, key: str | None) -> bool:
        if self._origins is None or len(origin) > MAX_ORIGIN_BYTES or not origin.isascii():
            return False
        return await self._origins.allowed(origin.decode(), caller, key)
