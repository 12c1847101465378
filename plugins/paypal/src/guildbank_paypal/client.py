"""Calls of PayPal's REST API by the core's client, under an access token that is kept a while."""

import hashlib
from base64 import b64encode
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import msgspec

from guildbank.plugin_api import Context, HttpAnswer, Method
from guildbank_paypal.objects import ErrorBody, Token
from guildbank_paypal.settings import Settings

T = TypeVar("T")
_MOST_TOKENS = 1_000
_EARLY = timedelta(minutes=2)
_REFUSALS = frozenset({400, 422})
_IN_PROGRESS = "PREVIOUS_REQUEST_IN_PROGRESS"
_JSON = {"content-type": "application/json", "accept": "application/json"}


class PayPalFailed(RuntimeError):
    """PayPal did not do what it was asked, and did not refuse it either."""


class Refused(msgspec.Struct, frozen=True):
    """PayPal's no to this very request: `issue` is its code, `name` that of its kind.

    `field` is what was wrong, and `link` where the no leads.
    """

    status: int
    issue: str
    message: str | None
    name: str = ""
    field: str = ""
    link: str = ""


class Tokens:
    """Access tokens by account, for as long as PayPal says; bounded, the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def get(self, account: str, now: datetime) -> str | None:
        """Return a token that is good for a while yet."""
        kept = self._kept.get(account)
        return kept[0] if kept is not None and now < kept[1] else None

    def put(self, account: str, token: Token, now: datetime) -> None:
        """Keep a token until shortly before its end."""
        self._kept.pop(account, None)
        while len(self._kept) >= _MOST_TOKENS:
            self._kept.popitem(last=False)
        until = now + timedelta(seconds=min(token.expires_in, 86_400)) - _EARLY
        self._kept[account] = token.access_token, until

    def drop(self, account: str) -> None:
        """Forget a token that was refused."""
        self._kept.pop(account, None)


class Client:
    """One call's way to PayPal."""

    def __init__(self, context: Context, settings: Settings, tokens: Tokens) -> None:
        self._context = context
        self._settings = settings
        self._tokens = tokens
        parts = "\n".join((settings.base, settings.client_id, settings.client_secret))
        self._account = hashlib.sha256(parts.encode()).hexdigest()

    async def get(self, path: str, shape: type[T]) -> T | None:
        """Return an object, None when PayPal has none there. Raises PayPalFailed, NoAnswer."""
        answer = await self._send("GET", path, {}, None)
        if answer.status == 404:
            return None
        found = _read(answer, shape)
        if isinstance(found, Refused):
            raise PayPalFailed(f"PayPal refused to show it: {found.status} {found.issue}")
        return found

    async def look(self, path: str, shape: type[T]) -> T | None:
        """Return an object, None where the app may not see it. Raises PayPalFailed, NoAnswer."""
        answer = await self._send("GET", path, {}, None)
        if answer.status in (403, 404):
            return None
        found = _read(answer, shape)
        if isinstance(found, Refused):
            raise PayPalFailed(f"PayPal refused to show it: {found.status} {found.issue}")
        return found

    async def ask(self, path: str, shape: type[T]) -> T | Refused:
        """Return an answer, or PayPal's no to the question. Raises PayPalFailed, NoAnswer."""
        return _read(await self._send("GET", path, {}, None), shape)

    async def post(
        self,
        path: str,
        key: str,
        body: object,
        shape: type[T],
        refusals: frozenset[int] = _REFUSALS,
    ) -> T | Refused:
        """Do something once for each key. Raises PayPalFailed, NoAnswer: nothing is certain.

        `refusals` are the answers that are a no; any other is raised.
        """
        headers = {"paypal-request-id": key, "prefer": "return=representation"}
        answer = await self._send("POST", path, headers, msgspec.json.encode(body))
        return _read(answer, shape, refusals)

    async def patch(self, path: str, changes: object) -> Refused | None:
        """Change an object."""
        answer = await self._send("PATCH", path, {}, msgspec.json.encode(changes))
        return None if answer.status == 204 else _refusal(answer)

    async def _send(
        self, method: Method, path: str, headers: dict[str, str], body: bytes | None
    ) -> HttpAnswer:
        """Send with a token; one that ended early is renewed once, for 401 means: nothing done."""
        kept = self._tokens.get(self._account, self._context.now)
        url = f"{self._settings.base}{path}"
        for token in (kept, None):
            bearer = {"authorization": f"Bearer {token or await self._new_token()}"}
            answer = await self._context.http.send(
                method, url, headers={**_JSON, **headers, **bearer}, body=body
            )
            if answer.status != 401:
                return answer
            self._tokens.drop(self._account)
            if token is None:
                break
        raise PayPalFailed("PayPal does not take the access token that it gave")

    async def _new_token(self) -> str:
        pair = f"{self._settings.client_id}:{self._settings.client_secret}"
        answer = await self._context.http.send(
            "POST",
            f"{self._settings.base}/v1/oauth2/token",
            headers={
                "authorization": f"Basic {b64encode(pair.encode()).decode()}",
                "content-type": "application/x-www-form-urlencoded",
                "accept": "application/json",
            },
            body=b"grant_type=client_credentials",
        )
        if answer.status == 401:
            raise PayPalFailed("PayPal does not know this client id with this client secret")
        if answer.status != 200:
            raise PayPalFailed(f"PayPal gave no access token: {answer.status}")
        try:
            token = msgspec.json.decode(answer.body, type=Token)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise PayPalFailed("PayPal's access token cannot be read") from None
        self._tokens.put(self._account, token, self._context.now)
        return token.access_token


def path_of(*parts: str) -> str:
    """Return a path whose parts cannot lead anywhere else."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _read(answer: HttpAnswer, shape: type[T], refusals: frozenset[int] = _REFUSALS) -> T | Refused:
    if answer.status not in (200, 201):
        return _refusal(answer, refusals)
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PayPalFailed("PayPal's answer cannot be read") from None


def _refusal(answer: HttpAnswer, refusals: frozenset[int] = _REFUSALS) -> Refused:
    """Return what was wrong with the request.

    A rate limit, a missing permission, a conflict and a failure of PayPal's own are raised: they
    say nothing about what an earlier try with the same key did.
    """
    if answer.status not in refusals:
        raise PayPalFailed(f"PayPal answered {answer.status}")
    try:
        error = msgspec.json.decode(answer.body, type=ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PayPalFailed(f"PayPal answered {answer.status} without a reason") from None
    first = error.details[0] if error.details else None
    issue = (first and first.issue) or error.name
    if not issue:
        raise PayPalFailed(f"PayPal answered {answer.status} without a reason")
    if issue == _IN_PROGRESS:
        # A refund would be declined by it, while another try under its key may be paying it.
        raise PayPalFailed("PayPal is still at work on an earlier request of this kind")
    message = (first and first.description) or error.message
    return Refused(
        answer.status,
        issue[:200],
        message,
        error.name,
        (first and first.field) or "",
        first.link[0].href if first and first.link else "",
    )
