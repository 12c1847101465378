"""The token endpoint of OAuth 2: an application changes its secret key for a token of minutes."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec

from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.machines.issue_token import (
    ClientCredentials,
    issue_access_token,
)
from guildbank.identity.usecases.sign_tokens import LIFETIME
from guildbank.infra.http import Service, client_address
from guildbank.infra.limits import RateLimit
from guildbank.kernel import Refusal

TAGS: Sequence[str] = ["Keys"]
ISSUING = RateLimit("issuing", 600, 60, "address")
MAX_FORM_BYTES = 8_192
MAX_SCOPES = 100
FORM = "application/x-www-form-urlencoded"
GRANT = "client_credentials"
KNOWN = frozenset({"grant_type", "scope", "client_id", "client_secret"})
WHY = {
    400: "The request or a scope is wrong",
    401: "The application or its key is not valid",
    503: "Too busy; try again",
}
NOT_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}


class TokenForm(msgspec.Struct, frozen=True):
    """Who asks for what. Send `client_id` and `client_secret` here or by HTTP Basic, not both."""

    __example__: ClassVar = {
        "grant_type": GRANT,
        "scope": "wallets:spend",
        "client_id": "app_01kag3pyqmf9aag12vtrsy70ps",
        "client_secret": "sk_...",
    }

    grant_type: str
    scope: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class AccessTokenView(msgspec.Struct, frozen=True):
    """A bearer token, with its lifetime in seconds and its scopes."""

    __example__: ClassVar = {
        "access_token": "eyJ...",
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "players:read wallets:spend",
    }

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class OAuthErrorView(msgspec.Struct, frozen=True):
    """Why there is no token, in the form of RFC 6749, section 5.2."""

    __example__: ClassVar = {
        "error": "invalid_client",
        "error_description": "The application or its secret key is not valid here.",
    }

    error: str
    error_description: str


class _Bad(Exception):
    """The request is not as OAuth wants it; the refusal is OAuth's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.refusal = Refusal(code=code, detail=detail)


@post(
    "/v1/oauth/token",
    opt={"public": True, "limits": (ISSUING,), "form": TokenForm},
    tags=TAGS,
    status_code=200,
    summary="Get an access token for a key",
    responses={
        status: ResponseSpec(OAuthErrorView, description=why) for status, why in WHY.items()
    },
)
async def token(
    identity: Service[Identity], request: Request[Any, Any, Any]
) -> Response[AccessTokenView]:
    """Answer with an access token of ten minutes, by client credentials (RFC 6749, section 4.4).

    The client's id is the application (`app_...`), its secret a secret key (`sk_...`), sent by
    HTTP Basic or in the form. The token has the scopes that are asked for, or all of the key's. It
    ends at once when the key does. Errors have the form of RFC 6749, section 5.2: `error` is
    `invalid_request`, `invalid_client`, `invalid_scope`, `unauthorized_client`,
    `unsupported_grant_type` or `temporarily_unavailable`.
    """
    try:
        credentials = _read(request.headers, await request.body())
    except _Bad as bad:
        return _refused(bad.refusal)
    issued = await issue_access_token(identity, credentials, client_address(request))
    if isinstance(issued, Refusal):
        return _refused(issued)
    view = AccessTokenView(
        access_token=issued.token,
        token_type="Bearer",  # noqa: S106 - a kind of token
        expires_in=int(LIFETIME.total_seconds()),
        scope=" ".join(sorted(issued.scopes)),
    )
    return Response(view, headers=NOT_KEPT)


def _read(headers: Mapping[str, str], body: bytes) -> ClientCredentials:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise _Bad("invalid_request", f"Send the form as {FORM}.")
    if len(body) > MAX_FORM_BYTES:
        raise _Bad("invalid_request", f"The form has more than {MAX_FORM_BYTES} bytes.")
    form = _form(body)
    if "grant_type" not in form:
        raise _Bad("invalid_request", "The parameter grant_type is missing.")
    if form["grant_type"] != GRANT:
        raise _Bad("unsupported_grant_type", f"The only grant here is {GRANT}.")
    client_id, client_secret = _client(headers.get("authorization"), form)
    scopes = form["scope"].split() if "scope" in form else None
    if scopes is not None and len(scopes) > MAX_SCOPES:
        raise _Bad("invalid_scope", f"At most {MAX_SCOPES} scopes are given at once.")
    return ClientCredentials(client_id=client_id, client_secret=client_secret, scopes=scopes)


def _form(body: bytes) -> dict[str, str]:
    """Return the parameters; unknown ones are ignored (RFC 6749, section 3.2)."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise _Bad("invalid_request", "The form cannot be read.") from None
    # A parameter without a value counts as left out.
    given = [(name, value) for name, value in pairs if name in KNOWN and value]
    if len(given) != len({name for name, _ in given}):
        raise _Bad("invalid_request", "A parameter is given twice.")
    return dict(given)


def _client(sent: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Return the client's id and secret, by one way alone (RFC 6749, section 2.3)."""
    if sent is None:
        if "client_id" in form and "client_secret" in form:
            return form["client_id"], form["client_secret"]
        raise _Bad("invalid_client", "Send the application's id and a secret key.")
    if "client_secret" in form:
        raise _Bad("invalid_request", "The secret is given twice: in the form and by HTTP Basic.")
    method, _, packed = sent.partition(" ")
    try:
        plain = base64.b64decode(packed.strip(), validate=True).decode()
    except ValueError:
        plain = ""
    id_, colon, secret = plain.partition(":")
    if method.lower() != "basic" or not colon:
        raise _Bad("invalid_client", "Authorization must be Basic, with an id and a secret key.")
    if form.get("client_id", unquote_plus(id_)) != unquote_plus(id_):
        raise _Bad("invalid_request", "The form and HTTP Basic name different applications.")
    return unquote_plus(id_), unquote_plus(secret)


def _refused(refusal: Refusal) -> Response[Any]:
    status = {"invalid_client": 401, "temporarily_unavailable": 503}.get(refusal.code, 400)
    headers = dict(NOT_KEPT)
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="guildbank", charset="UTF-8"'
    if status == 503:
        headers["retry-after"] = "1"
    body = OAuthErrorView(error=refusal.code, error_description=refusal.detail)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


ROUTES = (token,)
