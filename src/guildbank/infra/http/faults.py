"""Every exception that leaves a route becomes a problem: no HTML, no bare 500, no leaked detail."""

import errno
from collections.abc import Iterator
from typing import Any

import asyncpg
import structlog
from litestar.connection import Request
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.response import Response
from sqlalchemy import exc as sql

from guildbank.infra.batching import Unserved
from guildbank.infra.http.decoding import refused_value
from guildbank.infra.http.problems import PROBLEM_MEDIA_TYPE, Codes, Problem, problem
from guildbank.infra.limits.stores import StoreAway
from guildbank.kernel import Refusal

log = structlog.get_logger("guildbank.http")

_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    # What asyncpg says when a connection is cut between two statements.
    asyncpg.InternalClientError,
    sql.TimeoutError,
    sql.InterfaceError,
    ConnectionError,
)
_BUSY = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.OutOfMemoryError,
    asyncpg.DiskFullError,
    TimeoutError,
)
_NO_SERVER = (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN)
_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    431: "header_too_large",
    503: "too_busy",
}
NO_CREDENTIAL = (
    "The call says not who makes it. Send Authorization: Bearer with a secret key (sk_...) or the "
    "token of a sign-in; operators sign in at /operator."
)
_DETAIL = {
    "unauthorized": NO_CREDENTIAL,
    "forbidden": "The credentials do not allow this call.",
    "not_found": "There is nothing at this address.",
    "method_not_allowed": "This address does not take this method.",
    "body_too_large": "The body is larger than this server accepts.",
    "bad_request": "The request is not well-formed.",
}


def request_id_of(scope: Any) -> str:
    """Return the id of the request, as the edge put it into the scope."""
    found: object = scope.get("state", {}).get("request_id", "")
    return str(found)


class Faults:
    """Litestar's exception handler for everything."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Return the problem that stands for `error`, and log what nobody expected."""
        found = as_problem(error)
        if found.refusal.code == "internal_error":
            log.error("request_failed", exc_info=error)
        elif found.refusal.code not in self._codes:
            log.error("undeclared_code", code=found.refusal.code)
        elif found.refusal.code in ("database_unavailable", "limits_unavailable", "too_busy"):
            log.warning("request_unserved", code=found.refusal.code, cause=type(error).__name__)
        rendered = self._codes.render(found, request_id_of(request.scope))
        return Response(
            rendered.body,
            status_code=rendered.status,
            media_type=PROBLEM_MEDIA_TYPE,
            headers=rendered.headers,
        )


def as_problem(error: Exception) -> Problem:
    """Return the problem that tells a client about `error`."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationException):
        return _parameter_problem(error)
    if isinstance(error, HTTPException):
        return _framework_problem(error)
    if isinstance(error, Unserved):
        waits = {"retry-after": str(error.retry_after_seconds)}
        return Problem(Refusal(code="too_busy", detail=str(error)), headers=waits)
    if isinstance(error, StoreAway):
        return problem("limits_unavailable", "The counters of this call do not answer; try again.")
    for cause in _causes(error):
        if isinstance(cause, _UNAVAILABLE) or _no_server(cause):
            return problem("database_unavailable", "The database does not answer; try again.")
        if isinstance(cause, _BUSY):
            return problem("too_busy", "The server could not finish in time; try again.")
    return problem("internal_error", "The server failed. Its log has the reason by request id.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if error is None:
            return
        yield error
        error = getattr(error, "orig", None) or error.__cause__


def _no_server(error: BaseException) -> bool:
    """Say whether this is a missing socket rather than some other missing file."""
    if not isinstance(error, OSError) or error.errno not in _NO_SERVER:
        return False
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("asyncpg."):
            return True
        trace = trace.tb_next
    return False


def _framework_problem(error: HTTPException) -> Problem:
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        code = "internal_error" if error.status_code >= 500 else "bad_request"
    detail = _DETAIL.get(code, error.detail)
    headers = error.headers or {}
    if isinstance(error, NotFoundException | MethodNotAllowedException):
        headers = {name.lower(): value for name, value in headers.items()}
    return Problem(Refusal(code=code, detail=detail), headers=headers)


def _parameter_problem(error: ValidationException) -> Problem:
    """Return the problem of a header, path or query parameter that Litestar refused."""
    faults = error.extra if isinstance(error.extra, list) else []
    if not faults:
        return _missing_parameter(error.detail)
    fault = faults[0]
    key = str(fault.get("key", ""))
    message = str(fault.get("message", ""))
    if key == "data" or key.startswith("data."):
        return problem("body_required", "This call needs a JSON body.")
    if key == "idempotency_key":
        return problem(
            "idempotency_key_malformed",
            "Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.",
            "Idempotency-Key",
        )
    return refused_value(message, camel(key) or None)


def _missing_parameter(detail: str) -> Problem:
    """Read the name from Litestar's sentence, the only place where it stands."""
    name = detail.split("'")[1] if detail.count("'") >= 2 else ""
    if name.lower() == "idempotency-key":
        return problem("idempotency_key_required", "Send the header Idempotency-Key.", name)
    return problem("missing_field", f"The parameter {name} is missing.", name or None)


def camel(name: str) -> str:
    """Return a Python name as it stands in JSON: `external_id` -> `externalId`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
