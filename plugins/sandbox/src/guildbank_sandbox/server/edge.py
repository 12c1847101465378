"""Where HTTP meets the rest: errors as JSON, bodies decoded, strange hosts turned away."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from guildbank.kernel import Refusal
from guildbank_sandbox.server.addresses import is_loopback

LOG = logging.getLogger(__name__)

WebRequest = Request[Any, Any, Any]
BodyT = TypeVar("BodyT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT")

_STATUS: Mapping[str, int] = {
    "unauthorized": 401,
    "not_found": 404,
    "reference_taken": 409,
    "idempotency_key_reused": 409,
    "payment_finished": 409,
    "refund_finished": 409,
    "dispute_closed": 409,
    "unsupported_media_type": 415,
    "wrong_host": 421,
    "too_many_accounts": 429,
}


_CODES: Mapping[int, str] = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


class Refused(Exception):
    """Carries a refusal to the exception handler, at the edge only."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def accepted(result: ResultT | Refusal) -> ResultT:
    """Return the result, or raise its refusal for the exception handler."""
    if isinstance(result, Refusal):
        raise Refused(result)
    return result


def decode(request: WebRequest, body: bytes, shape: type[BodyT]) -> BodyT:
    """Return the JSON body as `shape`; raises Refused with the field named."""
    if request.content_type[0] != "application/json":
        raise Refused(Refusal(code="unsupported_media_type", detail="Send application/json."))
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`") or None
        raise Refused(Refusal(code="invalid_request", detail=text, field=field)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Refusal(code="malformed_json", detail="The body is not JSON.")) from error


def refusal_response(_: WebRequest, error: Refused) -> Response[dict[str, object]]:
    """Render a refusal."""
    return _error(error.refusal, _STATUS.get(error.refusal.code, 400))


def http_error_response(_: WebRequest, error: HTTPException) -> Response[dict[str, object]]:
    """Render what the framework refuses by itself: unknown paths, bodies over the limit."""
    code = _CODES.get(error.status_code, "not_accepted")
    refusal = Refusal(code=code, detail=error.detail)
    return _error(refusal, error.status_code)


def crash_response(request: WebRequest, error: Exception) -> Response[dict[str, object]]:
    """Log a defect of our own and say no more of it than that it is one."""
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _error(Refusal(code="internal_error", detail="The sandbox failed; see its log."), 500)


def check_host(request: WebRequest, public_host: str | None) -> Response[dict[str, object]] | None:
    """Answer 421 to a Host that is neither loopback nor ours: a page that rebinds its DNS name."""
    host = request.headers.get("host", "")
    if is_loopback(f"http://{host}") or host == public_host:
        return None
    return _error(Refusal(code="wrong_host", detail="This sandbox has another address."), 421)


def _error(refusal: Refusal, status: int) -> Response[dict[str, object]]:
    error = {"code": refusal.code, "message": refusal.detail, "field": refusal.field}
    return Response({"error": error}, status_code=status)
