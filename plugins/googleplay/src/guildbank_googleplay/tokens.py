"""Access tokens of a service account: asked for by a signed word, and kept for a while.

https://developers.google.com/identity/protocols/oauth2/service-account . The word is signed by
Google's own library, which would open connections of its own to send it: that is done here, by the
core's client.
"""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from google.auth import jwt
from google.auth.crypt import RSASigner

from guildbank.plugin_api import Context
from guildbank_googleplay.objects import AccessToken
from guildbank_googleplay.settings import TOKENS, Settings

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE = timedelta(hours=1)
_EARLY = timedelta(minutes=2)
_MOST_TOKENS = 1_000


class GoogleFailed(RuntimeError):
    """Google did not do what it was asked, and did not refuse it either."""


class Tokens:
    """Access tokens by account and tenant, for as long as Google says; the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    async def get(self, context: Context, settings: Settings) -> str:
        """Return a token that is good for a while yet. Raises GoogleFailed, NoAnswer."""
        kept = self._kept.get(_name(context, settings))
        if kept is not None and context.now < kept[1]:
            return kept[0]
        return await self._ask(context, settings)

    def drop(self, context: Context, settings: Settings) -> None:
        """Forget a token that was refused."""
        self._kept.pop(_name(context, settings), None)

    async def _ask(self, context: Context, settings: Settings) -> str:
        url = f"{settings.base(TOKENS)}/token"
        form = {"grant_type": _GRANT, "assertion": _assertion(settings, context.now)}
        answer = await context.http.send(
            "POST",
            url,
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        if answer.status in (400, 401):
            raise GoogleFailed("Google does not know the service account by this key")
        if answer.status != 200:
            raise GoogleFailed(f"Google gave no access token: {answer.status}")
        try:
            token = msgspec.json.decode(answer.body, type=AccessToken)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise GoogleFailed("Google's access token cannot be read") from None
        life = min(timedelta(seconds=max(token.expires_in, 0)), _LIFE)
        name = _name(context, settings)
        self._kept.pop(name, None)
        while len(self._kept) >= _MOST_TOKENS:
            self._kept.popitem(last=False)
        self._kept[name] = token.access_token, context.now + life - _EARLY
        return token.access_token


def _assertion(settings: Settings, now: datetime) -> str:
    """Return the word of the account that it wants a token. It is meant for Google's own address.

    A lab that plays Google takes it for that address too.
    """
    account, seconds = settings.account, int(now.timestamp())
    signer = RSASigner.from_string(  # type: ignore[no-untyped-call]
        account.private_key, account.private_key_id or None
    )
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": f"https://{TOKENS}/token",
        "iat": seconds,
        "exp": seconds + int(_LIFE.total_seconds()),
    }
    signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
    return signed.decode()


def _name(context: Context, settings: Settings) -> str:
    parts = (context.tenant, settings.base(TOKENS), settings.account.private_key)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
