"""Sends a person to a provider and believes only the answer to that (RFC 7636, 9207, 9700)."""

import hmac
from collections.abc import Mapping
from typing import Literal

import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.client import OAuth2Client

from guildbank.kernel import Refusal
from guildbank.plugin_api import Begun, SignInAnswer, SignInContext, SignInRequest

VERIFIER_LENGTH = 64
NONCE_LENGTH = 43
MAX_CODE = 4_096

_DENIED = Refusal(code="sign_in_denied", detail="The sign-in was declined at the provider.")
_BAD_STATE = Refusal(
    code="bad_state",
    detail="This answer does not belong to a sign-in that was begun here. Begin again.",
    field="state",
)
_OTHER_ISSUER = Refusal(
    code="wrong_issuer",
    detail="Another issuer than the one that was asked has answered. Begin again.",
    field="iss",
)
_NO_CODE = Refusal(
    code="bad_assertion",
    detail="The provider's answer has no code. Begin again.",
    field="code",
)


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person says yes. `more` are further parameters of the provider's own."""

    endpoint: str
    client_id: str
    scope: str
    issuer: str
    says_issuer: bool = False
    answers: Literal["query", "form_post"] = "query"
    more: Mapping[str, str] = {}


def begin(context: SignInContext, request: SignInRequest, authorization: Authorization) -> Begun:
    """Return the address with the core's state, a nonce and a PKCE challenge (S256)."""
    verifier, nonce = generate_token(VERIFIER_LENGTH), generate_token(NONCE_LENGTH)
    more = dict(authorization.more)
    if authorization.answers == "form_post":
        more["response_mode"] = "form_post"
    if request.anew:
        # Then the token must say when (OpenID Connect Core, section 3.1.2.1).
        more["max_age"] = "0"
    if request.locale is not None:
        more["ui_locales"] = request.locale
    client = OAuth2Client(
        None,
        client_id=authorization.client_id,
        scope=authorization.scope,
        redirect_uri=context.redirect_uri,
        code_challenge_method="S256",
    )
    url, _ = client.create_authorization_url(
        authorization.endpoint, state=request.state, code_verifier=verifier, nonce=nonce, **more
    )
    keep = {"verifier": verifier, "nonce": nonce, "state": request.state}
    return Begun(url=url, keep=keep, answers=authorization.answers)


def read_code(
    answer: SignInAnswer, keep: Mapping[str, str], authorization: Authorization
) -> str | Refusal:
    """Return the code of an answer to what `begin` gave.

    Refusals: `bad_state`, `wrong_issuer`, `sign_in_denied`, `bad_assertion`.
    """
    params = answer.params
    # The core finds `keep` by the state; that they fit is looked at again where it is cheap.
    state = params.get("state", "").encode("utf-8", "replace")
    if not hmac.compare_digest(state, keep["state"].encode()):
        return _BAD_STATE
    said = params.get("iss")
    if said != authorization.issuer and (said is not None or authorization.says_issuer):
        return _OTHER_ISSUER
    if "error" in params:
        return _DENIED
    code = params.get("code", "")
    # RFC 6749 appendix A.11: a code is of visible ASCII characters.
    sound = 0 < len(code) <= MAX_CODE and code.isascii() and code.isprintable()
    return code if sound else _NO_CODE
