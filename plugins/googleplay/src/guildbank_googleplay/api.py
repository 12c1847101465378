"""The Android Publisher API, as far as it is called, by the core's client.

https://developers.google.com/android-publisher/api-ref/rest . Google's own client library opens
connections of its own, so the few calls are made here. They are tested against the provider lab,
whose own tests (plugins/lab/tests/test_google.py) hold it against that library.
"""

from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from guildbank.kernel import epoch_ms
from guildbank.plugin_api import Context, HttpAnswer, Method
from guildbank_googleplay.objects import Order, Purchase, Subscription, VoidedPage
from guildbank_googleplay.settings import API, Settings
from guildbank_googleplay.tokens import GoogleFailed, Tokens

T = TypeVar("T")
_NOT_THERE = frozenset({400, 404, 410})
"""What Google says of a token or order of another app, of none, and of one that is gone."""
PAGE = 1_000
_BOTH = 1
"""Google lists voided one-time products alone unless subscriptions are asked for, too."""


class Google:
    """One call's way to Google. Each verb raises GoogleFailed and NoAnswer: nothing is certain."""

    def __init__(self, context: Context, settings: Settings, tokens: Tokens) -> None:
        self.context = context
        self.settings = settings
        self._tokens = tokens

    @property
    def now(self) -> datetime:
        """The time of this call."""
        return self.context.now

    async def purchase(self, token: str) -> Purchase | None:
        """Return the purchase of one-time products under a token, None where there is none."""
        return await self._shown(f"/purchases/productsv2/tokens/{_safe(token)}", Purchase)

    async def subscription(self, token: str) -> Subscription | None:
        """Return the subscription under a token, None where there is none."""
        return await self._shown(f"/purchases/subscriptionsv2/tokens/{_safe(token)}", Subscription)

    async def order(self, order_id: str) -> Order | None:
        """Return an order, None where the app has none of this name."""
        found = await self._shown(f"/orders/{_safe(order_id)}", Order)
        if found is not None and found.order_id != order_id:
            raise GoogleFailed("Google showed another order than it was asked for")
        return found

    async def consume(self, product: str, token: str) -> None:
        """Say that a purchase was delivered, so that it is kept and can be made again."""
        path = f"/purchases/products/{_safe(product)}/tokens/{_safe(token)}:consume"
        _check(await self._send("POST", path))

    async def acknowledge(self, product: str, token: str) -> None:
        """Say that a subscription was delivered, so that it is kept."""
        path = f"/purchases/subscriptions/{_safe(product)}/tokens/{_safe(token)}:acknowledge"
        _check(await self._send("POST", path))

    async def refund(self, order_id: str, *, revoke: bool = True) -> None:
        """Give all of an order's money back, and with `revoke` take back what was bought."""
        query = "?revoke=true" if revoke else ""
        _check(await self._send("POST", f"/orders/{_safe(order_id)}:refund{query}"))

    async def voided(self, begin: datetime, end: datetime, page: str = "") -> VoidedPage:
        """Return purchases that Google found voided in a span, and where the next page begins."""
        span = {"startTime": epoch_ms(begin), "endTime": epoch_ms(end)}
        wanted = {**span, "maxResults": PAGE, "type": _BOTH}
        query = urlencode(wanted | ({"token": page} if page else {}))
        answer = await self._send("GET", f"/purchases/voidedpurchases?{query}")
        _check(answer)
        return _read(answer, VoidedPage)

    async def _shown(self, path: str, shape: type[T]) -> T | None:
        answer = await self._send("GET", path)
        if answer.status in _NOT_THERE:
            return None
        _check(answer)
        return _read(answer, shape)

    async def _send(self, method: Method, path: str) -> HttpAnswer:
        """Send with a token; one that ended early is renewed once, for 401 means: nothing done."""
        settings = self.settings
        app = f"/androidpublisher/v3/applications/{_safe(settings.package_name)}"
        for _ in range(2):
            token = await self._tokens.get(self.context, settings)
            headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
            answer = await self.context.http.send(
                method, f"{settings.base(API)}{app}{path}", headers=headers
            )
            if answer.status != 401:
                return answer
            self._tokens.drop(self.context, settings)
        raise GoogleFailed("Google does not take the access token that it gave")


def _safe(part: str) -> str:
    """Return a part of a path that cannot lead anywhere else."""
    return quote(part, safe="")


def _check(answer: HttpAnswer) -> None:
    """Raise GoogleFailed for all but success, with Google's number and none of its words."""
    if answer.status == 403:
        raise GoogleFailed("Google does not let the service account do this for the app")
    if not 200 <= answer.status < 300:
        raise GoogleFailed(f"Google answered {answer.status}")


def _read(answer: HttpAnswer, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise GoogleFailed("Google's answer cannot be read") from None
