"""Who pushes: Pub/Sub, by a token that Google signed for this address and for one account of ours.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions . The token says nothing of the
body, so that the body is a hint only; TLS carries both.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from guildbank.plugin_api import Context, WebhookRejected
from guildbank_googleplay.settings import KEYS, Settings
from guildbank_googleplay.tokens import GoogleFailed

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
ALGORITHM = "RS256"
SKEW_SECONDS = 60
LONGEST = 4_000
"""Characters of a token; Google's have some eight hundred."""
_LIFETIME, _ASK_AGAIN = timedelta(hours=1), timedelta(minutes=1)
_MOST_KEYS, _MOST_PLACES = 32, 1_000
_SCHEME = "bearer "
_NOBODY = WebhookRejected(code="bad_signature", detail="It bears no token that Google signed.")
_OTHER = WebhookRejected(
    code="wrong_account", detail="Its token is for another address or account."
)
_OLD = WebhookRejected(code="too_old", detail="Its token has expired, or is of the future.")


class _Set(msgspec.Struct, frozen=True):
    keys: Sequence[dict[str, Any]]


class Keys:
    """Google's public keys, kept for an hour; for one that is not known it is asked once a minute.

    By tenant, since a tenant's lab has keys of its own.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[datetime, Mapping[str, RSAKey]]] = (
            OrderedDict()
        )

    async def find(self, context: Context, address: str, key_id: str) -> RSAKey | None:
        """Return the key of this id, None where Google has none. Raises GoogleFailed, NoAnswer."""
        place, now = (context.tenant, address), context.now
        kept = self._kept.get(place)
        if kept is not None:
            patience = _LIFETIME if key_id in kept[1] else _ASK_AGAIN
            if timedelta(0) <= now - kept[0] < patience:
                return kept[1].get(key_id)
        keys = await _fetch(context, address)
        self._kept.pop(place, None)
        while len(self._kept) >= _MOST_PLACES:
            self._kept.popitem(last=False)
        self._kept[place] = now, keys
        return keys.get(key_id)


async def fault_of(
    context: Context, settings: Settings, keys: Keys, headers: Mapping[str, str]
) -> WebhookRejected | None:
    """Return why a push is not believed, None where it is. Raises GoogleFailed, NoAnswer.

    What the token says is read before it is known to be true, so that strangers cost no call.
    """
    scheme, token = headers.get("authorization", "")[:7], headers.get("authorization", "")[7:]
    if settings.push_email is None or scheme.lower() != _SCHEME or len(token) > LONGEST:
        return _NOBODY
    try:
        unproven = jws.extract_compact(token.encode())
        header = unproven.headers()
        claims = msgspec.json.decode(unproven.payload or b"", type=dict[str, Any])
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return _NOBODY
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
        return _NOBODY
    told = (claims.get("aud"), claims.get("email"), claims.get("email_verified"))
    if told != (settings.push_audience, settings.push_email, True):
        return _OTHER
    if claims.get("iss") not in ISSUERS:
        return _OTHER
    if not _is_now(claims, int(context.now.timestamp())):
        return _OLD
    key = await keys.find(context, f"{settings.base(KEYS)}/oauth2/v3/certs", key_id)
    try:
        if key is not None and jwt.decode(token, key, algorithms=[ALGORITHM]).claims == claims:
            return None
    except (JoseError, ValueError, TypeError, RecursionError):
        return _NOBODY
    return _NOBODY


def _is_now(claims: Mapping[str, Any], now: int) -> bool:
    begun, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(begun, int) or not isinstance(ends, int):
        return False
    return begun - SKEW_SECONDS <= now < ends + SKEW_SECONDS


async def _fetch(context: Context, address: str) -> Mapping[str, RSAKey]:
    answer = await context.http.send("GET", address)
    if answer.status != 200:
        raise GoogleFailed(f"Google did not show its keys: {answer.status}")
    try:
        entries = msgspec.json.decode(answer.body, type=_Set).keys[:_MOST_KEYS]
        return {
            str(entry["kid"]): RSAKey.import_key(entry)
            for entry in entries
            if entry.get("kty") == "RSA" and entry.get("use", "sig") == "sig" and "kid" in entry
        }
    except (msgspec.MsgspecError, JoseError, ValueError, TypeError, UnicodeDecodeError):
        raise GoogleFailed("Google's keys cannot be read") from None
