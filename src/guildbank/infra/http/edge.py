"""The outermost layer: every request gets an id, a time limit, a place in the count, and an answer.

Plain ASGI around the framework, because it must also hold for requests that reach no route.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from guildbank.infra.acting import ACTING, Acting
from guildbank.infra.config import Settings
from guildbank.infra.http.admission import VISIT, Gate, Visit
from guildbank.infra.http.caller import Caller
from guildbank.infra.http.client_address import CLIENT_ADDRESS, TrustedProxies
from guildbank.infra.http.cors import Cors
from guildbank.infra.http.faults import as_problem
from guildbank.infra.http.problems import PROBLEM_MEDIA_TYPE, Codes, Problem, problem
from guildbank.infra.http.safety_headers import SafetyHeaders
from guildbank.infra.metrics import Metrics
from guildbank.infra.telemetry import REQUEST, RequestContext

log = structlog.get_logger("guildbank.http")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = "0" * 32
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_ALWAYS_SERVED = frozenset({"/healthz", "/readyz", "/metrics"})
_READ = frozenset(
    (
        b"x-request-id", b"traceparent", b"x-forwarded-for", b"authorization", b"cookie",
        b"x-guildbank-key", b"origin", b"access-control-request-method",
    )
)  # fmt: skip
_UNMATCHED = "(unmatched)"


class Edge:
    """Wraps the app's ASGI handler."""

    def __init__(
        self,
        app: ASGIApp,
        codes: Codes,
        metrics: Metrics,
        settings: Settings,
        *,
        gate: Gate,
        cors: Cors,
    ) -> None:
        self._app = app
        self._codes = codes
        self._metrics = metrics
        self._timeout_seconds = settings.request_timeout_seconds
        self._max_concurrent = settings.max_concurrent_requests
        self._max_header_bytes = settings.max_header_bytes
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._safety = SafetyHeaders(settings.url)
        self._gate = gate
        self._cors = cors
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass through."""
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        heard = read_headers(scope["headers"])
        context = heard.context
        peer = scope.get("client")
        address = self._proxies.client(peer[0] if peer else None, heard.forwarded)
        visit = Visit(address, heard.credentials)
        scope["state"].update(
            {"request_id": context.request_id, CLIENT_ADDRESS: address, VISIT: visit}
        )
        stranger = Acting(
            principal="",
            kind="stranger",
            address=None if address.ip is None else str(address),
            request_id=context.request_id,
        )
        token, nobody = REQUEST.set(context), ACTING.set(stranger)
        answer = _Answer(send, scope, context.request_id.encode(), heard, visit, self)
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            self._admit(scope, heard.total_bytes)
            if heard.asks_first and scope["method"] == "OPTIONS" and heard.origin is not None:
                await self._preflight(answer, heard.origin)
            elif scope["path"] in _ALWAYS_SERVED:
                await self._serve(scope, receive, answer)
            else:
                await self._gate.enter(visit)
                await self._serve(scope, receive, answer)
                await self._gate.leave(visit, answer.status)
        except Exception as error:
            await self._refuse(answer, context.request_id, error)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()
            ACTING.reset(nobody)
            REQUEST.reset(token)
            method = scope["method"]
            self._metrics.observe(
                method if method in _METHODS else "other",
                scope.get("path_template") or _UNMATCHED,
                answer.status,
                perf_counter() - started,
            )

    def _admit(self, scope: HTTPScope, header_bytes: int) -> None:
        path = scope["path"]
        if self._in_flight > self._max_concurrent and path not in _ALWAYS_SERVED:
            self._metrics.refused.inc()
            raise problem("too_busy", "This server has more requests than it accepts; try again.")
        if header_bytes > self._max_header_bytes:
            raise problem(
                "header_too_large", f"The headers are larger than {self._max_header_bytes} bytes."
            )
        # Control characters and broken UTF-8 name nothing, and must not reach a database.
        if not path.isprintable():
            raise problem("not_found", "There is nothing at this address.")

    async def _serve(self, scope: HTTPScope, receive: Receive, answer: "_Answer") -> None:
        body_complete = False

        async def receive_body() -> Any:
            nonlocal body_complete
            message = await receive()
            if message["type"] == "http.disconnect" and not body_complete:
                raise problem("bad_request", "The client went away before its body was complete.")
            body_complete = message["type"] != "http.request" or not message.get("more_body")
            return message

        limit = asyncio.timeout(self._timeout_seconds)
        answer.limit = limit
        try:
            async with limit:
                await self._app(scope, receive_body, answer)
        except TimeoutError:
            if not limit.expired():
                raise
            if scope["method"] in ("POST", "PUT", "PATCH") and not body_complete:
                raise problem("request_timeout", "The body did not arrive in time.") from None
            raise problem(
                "timed_out", "The answer was not ready in time; ask again with the same key."
            ) from None
        finally:
            answer.limit = None

    async def _preflight(self, answer: "_Answer", origin: bytes) -> None:
        headers = await self._cors.preflight(origin)
        await answer({"type": "http.response.start", "status": 204, "headers": headers})
        await answer({"type": "http.response.body", "body": b"", "more_body": False})

    async def more_headers(
        self, answer: "_Answer", given: list[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        """Return what an answer with these headers is sent with besides."""
        headers = [*self._safety.for_answer(given), *answer.visit.fields()]
        if answer.heard.origin is not None and not answer.heard.asks_first:
            caller = answer.scope.get("user")
            headers += await self._cors.answer(
                answer.heard.origin,
                caller if isinstance(caller, Caller) else None,
                answer.heard.client_key,
            )
        return headers

    async def _refuse(self, answer: "_Answer", request_id: str, error: Exception) -> None:
        found = as_problem(error)
        if answer.started:
            # Half an answer is on its way: closing the connection is all that is left.
            log.error("answer_broken", exc_info=error)
            raise error
        if found.refusal.code == "internal_error":
            log.error("request_failed", exc_info=error)
        await self._send_problem(answer, request_id, found)

    async def _send_problem(self, answer: "_Answer", request_id: str, found: Problem) -> None:
        rendered = self._codes.render(found, request_id)
        headers: Mapping[str, str] = {
            **rendered.headers,
            "content-type": PROBLEM_MEDIA_TYPE,
            "content-length": str(len(rendered.body)),
        }
        await answer(
            {
                "type": "http.response.start",
                "status": rendered.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await answer({"type": "http.response.body", "body": rendered.body, "more_body": False})


class _Answer:
    """The way out: adds headers, notes the status, lifts the time limit once data flows."""

    __slots__ = ("_edge", "_request_id", "_send", "heard", "limit", "scope", "started", "status",
                 "visit")  # fmt: skip

    def __init__(
        self,
        send: Send,
        scope: HTTPScope,
        request_id: bytes,
        heard: "Heard",
        visit: Visit,
        edge: Edge,
    ) -> None:
        self._send = send
        self._request_id = request_id
        self._edge = edge
        self.scope = scope
        self.heard = heard
        self.visit = visit
        self.limit: asyncio.Timeout | None = None
        self.started = False
        self.status = 499

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message["headers"])
            more = await self._edge.more_headers(self, given)
            self.started = True
            self.status = message["status"]
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(None)
            message["headers"] = [*given, (b"x-request-id", self._request_id), *more]
        await self._send(message)


class Heard(msgspec.Struct):
    """What the edge reads of a request's headers.

    `credentials` and `client_key` are as they were sent and prove nothing. `asks_first` tells a
    preflight from other OPTIONS.
    """

    context: RequestContext
    total_bytes: int
    forwarded: Sequence[bytes] = ()
    credentials: bytes | None = None
    client_key: bytes | None = None
    origin: bytes | None = None
    asks_first: bool = False


def read_headers(headers: Any) -> Heard:
    """Return the request's id and trace (W3C Trace Context), and what else the edge goes by.

    An id that is not 1 to 64 characters of `A-Za-z0-9._-` is replaced, not refused.
    """
    request_id: str | None = None
    trace_id: str | None = None
    total = 0
    found: dict[bytes, bytes] = {}
    forwarded: list[bytes] = []
    for name, value in headers:
        total += len(name) + len(value)
        if name not in _READ:
            continue
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent":
            trace = _TRACEPARENT.fullmatch(value)
            if trace is not None and (trace_found := trace.group(1).decode()) != _NO_TRACE:
                trace_id = trace_found
        elif name == b"x-forwarded-for":
            forwarded.append(value)
        else:
            # Two of one name are what RFC 9110, section 5.3, makes of them: another value.
            found[name] = found[name] + b", " + value if name in found else value
    return Heard(
        RequestContext(request_id or os.urandom(12).hex(), trace_id),
        total,
        forwarded,
        found.get(b"authorization", found.get(b"cookie")),
        found.get(b"x-guildbank-key"),
        found.get(b"origin"),
        b"access-control-request-method" in found,
    )
