"""Refusals as RFC 9457 problems: each has a stable code, and each code has one page to read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from guildbank.kernel import Refusal

PROBLEM_MEDIA_TYPE = "application/problem+json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Code:
    """A documented problem code: its HTTP status and what it means, in one sentence."""

    code: str
    status: int
    meaning: str


EDGE_CODES = (
    Code("malformed_json", 400, "The body is not one well-formed JSON document in UTF-8."),
    Code("bad_request", 400, "The request is not well-formed HTTP for this server."),
    Code("query_invalid", 400, "A query parameter is given twice or is not readable text."),
    Code("body_required", 400, "This call needs a JSON body."),
    Code("idempotency_key_required", 400, "This call needs the header Idempotency-Key."),
    Code(
        "idempotency_key_malformed",
        400,
        "Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.",
    ),
    Code("unauthorized", 401, "No credentials were given, or they are not valid here."),
    Code("forbidden", 403, "The credentials are valid but do not allow this call."),
    Code("session_required", 403, "Only a player who signed in may call this, not a minted token."),
    Code("csrf_refused", 403, "A page of elsewhere calls, or X-CSRF-Token is not the session's."),
    Code("step_up_required", 403, "The call needs a fresh proof of who calls."),
    Code("tenant_required", 400, "The request names no tenant: send X-Guildbank-Key."),
    Code(
        "origin_not_allowed",
        403,
        "No tenant lists the page's origin among its `corsOrigins`, so browsers may not call.",
    ),
    Code("not_found", 404, "There is nothing at this address, or not for these credentials."),
    Code("method_not_allowed", 405, "This address exists but not with this method; see Allow."),
    Code("request_timeout", 408, "The request's body did not arrive in time."),
    Code("body_too_large", 413, "The body is larger than this server accepts."),
    Code("unsupported_media_type", 415, "The body must be sent as application/json in UTF-8."),
    Code("wrong_type", 422, "A field has another JSON type than the one documented."),
    Code("unknown_field", 422, "A field or query parameter is not known to this call."),
    Code("missing_field", 422, "A field or parameter that this call needs is missing."),
    Code("out_of_range", 422, "A number, a length or a count is outside its documented limits."),
    Code("amount_not_positive", 422, "An amount of coins is zero or below."),
    Code("invalid_value", 422, "A value does not have its documented form."),
    Code("address_invalid", 422, "A mail address does not have the form of one."),
    Code("unknown_currency", 422, "A money currency is not an ISO 4217 code in use."),
    Code("unknown_country", 422, "A country is not an ISO 3166-1 alpha-2 code."),
    Code(
        "rate_limited",
        429,
        "More requests came than the limit allows; try again after Retry-After.",
    ),
    Code(
        "login_throttled",
        429,
        "Too many tries to sign in; try again after Retry-After, or from a device known here.",
    ),
    Code("header_too_large", 431, "The request's headers are larger than this server accepts."),
    Code("internal_error", 500, "The server failed; the request id finds the reason in its log."),
    Code(
        "too_busy", 503, "The server has more to do than it accepts; try again after Retry-After."
    ),
    Code(
        "limits_unavailable",
        503,
        "The counters that guard this call do not answer, so nobody is let in; try again.",
    ),
    Code("timed_out", 503, "The answer was not ready in time; ask again with the same key."),
    Code("not_ready", 503, "A part that this server needs is missing; `checks` names it."),
    Code("database_unavailable", 503, "The database does not answer; try again after Retry-After."),
)
"""Codes that any call may answer."""


class Problem(Exception):
    """A refusal on its way to the client; `status` overrides the one its code declares."""

    def __init__(
        self,
        refusal: Refusal,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.status = status
        self.headers = dict(headers or {})


def problem_for(refusal: Refusal) -> Problem:
    """Return the exception that makes the HTTP edge answer with `refusal`."""
    return Problem(refusal)


def problem(code: str, detail: str, field: str | None = None) -> Problem:
    """Return the exception for a code without making the refusal first."""
    return Problem(Refusal(code=code, detail=detail, field=field))


def granted(result: T | Refusal) -> T:
    """Return a use case's result, or raise its refusal as a problem; for routes only."""
    if isinstance(result, Refusal):
        raise Problem(result)
    return result


@dataclass(frozen=True, slots=True)
class Rendered:
    """A problem ready to send."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class CodeClash(ValueError):
    """Two rooms declare one code with different meanings."""


class Codes(Mapping[str, Code]):
    """Every code that the app declares, from the edge and from its rooms."""

    def __init__(self, declared: Iterable[Code] = ()) -> None:
        self._codes: dict[str, Code] = {}
        for code in (*EDGE_CODES, *declared):
            if self._codes.setdefault(code.code, code) != code:
                raise CodeClash(f"problem code {code.code!r} is declared with two meanings")

    def __getitem__(self, code: str) -> Code:
        return self._codes[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def render(self, problem: Problem, request_id: str) -> Rendered:
        """Return the RFC 9457 document of a problem; a code that no room declared is a 422."""
        refusal = problem.refusal
        declared = self._codes.get(refusal.code)
        status = problem.status or (declared.status if declared else 422)
        document: dict[str, object] = {
            "type": f"/docs/problems#{refusal.code}",
            "title": refusal.code.replace("_", " ").capitalize(),
            "status": status,
            "code": refusal.code,
            "detail": refusal.detail,
            "requestId": request_id,
        }
        if refusal.field is not None:
            document["field"] = refusal.field
        headers = dict(problem.headers)
        wait_seconds = refusal.extra.get("retryAfterSeconds")
        if wait_seconds is not None:
            headers.setdefault("retry-after", str(wait_seconds))
        if status == 503:
            headers.setdefault("retry-after", "1")
        if status == 401:
            headers.setdefault("www-authenticate", 'Bearer realm="guildbank"')
        # The standard members win over an extra of the same name.
        return Rendered(status, msgspec.json.encode({**refusal.extra, **document}), headers)
