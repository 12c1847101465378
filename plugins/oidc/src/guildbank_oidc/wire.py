"""Reads answers of a provider: JSON objects of any status, and nothing else."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import msgspec
from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from guildbank.kernel import Refusal
from guildbank.plugin_api import HttpAnswer, NoAnswer, SignInContext

ACCEPT_JSON = {"accept": "application/json"}
_FORM = "application/x-www-form-urlencoded"
_CODE_ERRORS = frozenset({"invalid_grant", "access_denied"})
"""What RFC 6749 section 5.2 says of a code; every other error is of our settings."""

CODE_REFUSED = Refusal(
    code="code_refused",
    detail="The provider does not take this code: it was used, is too old or is not for us. "
    "Sign in again.",
)


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """How we are known to a provider. `auth_method` is one of RFC 7591's, by `choose_auth`."""

    client_id: str
    client_secret: str | None
    auth_method: str

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Client({self.client_id!r})"


def choose_auth(client_secret: str | None, supported: tuple[str, ...] | None) -> str:
    """Return how to show the secret: in the form where that is taken, else in a header.

    The header wants id and secret escaped (RFC 6749 section 2.3.1) and not all servers undo it.
    """
    if client_secret is None:
        return "none"
    return "client_secret_post" if "client_secret_post" in (supported or ()) else _BASIC


_BASIC = "client_secret_basic"


async def fetch(context: SignInContext, url: str, bearer: str | None = None) -> dict[str, Any]:
    """Return the JSON object at an address; raises NoAnswer for anything else."""
    headers = dict(ACCEPT_JSON)
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    answer = await context.http.send("GET", url, headers=headers)
    if answer.status != 200:
        raise NoAnswer(f"the provider answered {answer.status}")
    return read_object(answer)


async def exchange_code(
    context: SignInContext, client: Client, token_endpoint: str, code: str, **more: str
) -> dict[str, Any] | Refusal:
    """Change a code into tokens (RFC 6749 section 4.1.3); returns the token endpoint's object.

    A `redirect_uri` of the empty text is sent as that: Google wants it of codes from an app.

    Refusals: `code_refused`. Raises NoAnswer, also where our own client is refused.
    """
    body = prepare_token_request("authorization_code", code=code, **more)
    if more.get("redirect_uri") == "":
        body = add_params_to_qs(body, [("redirect_uri", "")])
    headers = {**ACCEPT_JSON, "content-type": _FORM}
    client_id, secret = client.client_id, client.client_secret
    if client.auth_method == _BASIC:
        client_id, secret = quote_plus(client_id), quote_plus(secret or "")
    auth = ClientAuth(client_id, secret, client.auth_method)
    url, headers, body = auth.prepare("POST", token_endpoint, headers, body)
    answer = await context.http.send("POST", url, headers=headers, body=body.encode())
    tokens = read_object(answer)
    if answer.status == 200 and "error" not in tokens:
        return tokens
    # Facebook's error is an object; it does not say apart whether code or client are at fault.
    if answer.status < 500 and str(tokens.get("error")) in _CODE_ERRORS:
        return CODE_REFUSED
    # The error's code is the provider's word; its description may repeat what was sent.
    raise NoAnswer(f"the token endpoint answered {answer.status}")


def text_of(tokens: Mapping[str, Any], name: str) -> str:
    """Return a member that must be a text; raises NoAnswer."""
    value = tokens.get(name)
    if not isinstance(value, str) or not value:
        raise NoAnswer(f"the provider's answer has no {name}")
    return value


def read_object(answer: HttpAnswer) -> dict[str, Any]:
    """Return an answer's JSON object; raises NoAnswer."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoAnswer(f"the provider answered {answer.status} without a JSON object") from None
