"""Believes an ID token or says why not (OpenID Connect Core 1.0, section 3.1.3.7)."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from guildbank.kernel import Refusal
from guildbank.plugin_api import SignInContext
from guildbank_oidc.keys import KeyRing

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
"""Signatures by a key that only the issuer has. Neither `none` nor HS*: who knows a client's
secret, or takes a public key for one, could sign as the issuer."""
MAX_TOKEN = 16 * 1024
SKEW_SECONDS = 60

_BY_CLAIM = {
    "iss": "wrong_issuer",
    "aud": "wrong_audience",
    "azp": "wrong_audience",
    "nonce": "wrong_nonce",
    "iat": "future_assertion",
    "nbf": "future_assertion",
    "at_hash": "forged_assertion",
}
_DETAILS = {
    "bad_assertion": "The ID token has not the form of one.",
    "forged_assertion": "The ID token is not signed by a key of its issuer.",
    "expired_assertion": "The ID token has expired. Sign in again.",
    "future_assertion": "The ID token is dated in the future; a clock may be wrong.",
    "wrong_issuer": "The ID token is of another issuer.",
    "wrong_audience": "The ID token is for another application.",
    "wrong_nonce": "The ID token is of another sign-in.",
}


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a token must say. `issuers` are names of the same issuer, `nonce` None means any."""

    issuers: Sequence[str]
    audience: str
    jwks_uri: str
    algorithms: Sequence[str] = ALGORITHMS
    nonce: str | None = None


class IdToken(msgspec.Struct, frozen=True, kw_only=True):
    """A believed token. `once` names what was signed, however it is written."""

    claims: dict[str, Any]
    once: str


async def read_id_token(
    context: SignInContext,
    keys: KeyRing,
    token: str,
    expected: Expected,
    access_token: str | None = None,
) -> IdToken | Refusal:
    """Return the token's claims when the issuer signed them for us, now and for this sign-in.

    With an `access_token` that came beside it, `at_hash` must be of that.

    Refusals: `bad_assertion`, `forged_assertion`, `expired_assertion`, `future_assertion`,
    `wrong_issuer`, `wrong_audience`, `wrong_nonce`. Raises NoAnswer when no keys are to be had.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        return refuse("bad_assertion")
    try:
        unproven = jws.extract_compact(token.encode())
        header = unproven.headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        return refuse("bad_assertion")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None):
        return refuse("bad_assertion")
    if algorithm not in ALGORITHMS or algorithm not in expected.algorithms:
        return refuse("forged_assertion")
    key = await keys.find(context, expected.jwks_uri, key_id, algorithm)
    if key is None:
        return refuse("forged_assertion")
    try:
        proven = jwt.decode(token, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, RecursionError):
        return refuse("forged_assertion")
    wrong = _fault(proven, expected, access_token, int(context.now.timestamp()))
    if wrong is not None:
        return refuse(wrong)
    return IdToken(claims=proven.claims, once=sha256(unproven.payload or b"").hexdigest())


def refuse(code: str) -> Refusal:
    """Return the refusal of this code."""
    return Refusal(code=code, detail=_DETAILS[code], field="id_token")


def _fault(proven: jwt.Token, expected: Expected, access_token: str | None, now: int) -> str | None:
    token = CodeIDToken(
        proven.claims,
        proven.header,
        {
            "iss": {"essential": True, "values": list(expected.issuers)},
            "aud": {"essential": True, "values": [expected.audience]},
        },
        {
            "client_id": expected.audience,
            "nonce": expected.nonce,
            "access_token": access_token,
        },
    )
    try:
        token.validate(now, SKEW_SECONDS)
    except ExpiredTokenError:
        return "expired_assertion"
    except (InvalidClaimError, MissingClaimError) as error:
        return _BY_CLAIM.get(str(error.claim), "bad_assertion")
    except (JoseError, ValueError, TypeError):
        return "bad_assertion"
    subject = proven.claims["sub"]
    return None if isinstance(subject, str) and subject else "bad_assertion"
