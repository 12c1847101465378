"""A Google inside the test: shows what a test lets it know, and remembers who asked for what."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Confirmation,
    Context,
    HttpAnswer,
    Method,
    NotConfirmed,
    Outcome,
    PaymentRequest,
)
from guildbank_googleplay.plugin import GooglePlayProvider
from guildbank_googleplay.purchases import account_of
from guildbank_googleplay.rehearsal import PACK, PRODUCT

NOW = datetime.now(UTC)
PACKAGE, ORDER = "example.game", "GPA.3300-0001-5500-00001"
TOKEN = "token.AO-J1Oabcdefghijklmnop"
REVIEWER = new_id("player")
API = "https://androidpublisher.googleapis.com/androidpublisher/v3/applications"
WEBHOOK = "https://shop.example/v1/webhooks/moonlit/google_play"
PUSHER = "push@example.iam.gserviceaccount.com"
_EMAIL = "game@example.iam.gserviceaccount.com"


@cache
def key(of: str) -> RSAKey:
    """Return the key of somebody, made when it is first needed."""
    return RSAKey.generate_key(2048)


class Google:
    """An `Http` that is Google: access tokens, keys, purchases, orders, and what was voided."""

    def __init__(self) -> None:
        self.purchases: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.voided: list[dict[str, Any]] = []
        self.page = 1_000
        self.good = ""
        self.given = 0
        self.assertions: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.key_asked = 0

    def sell(self, request: PaymentRequest, **changes: Any) -> None:
        """Sell what a request asks for, under TOKEN and ORDER."""
        self.purchases[TOKEN] = purchase(request, **changes)
        self.orders[ORDER] = order()

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        if url == "https://oauth2.googleapis.com/token":
            self.assertions.append((body or b"").decode().rpartition("assertion=")[2])
            self.given += 1
            self.good = f"ya29.{self.given}"
            return answer(200, {"access_token": self.good, "expires_in": 3599})
        if url == "https://www.googleapis.com/oauth2/v3/certs":
            self.key_asked += 1
            public = {**key("google").as_dict(private=False), "kid": "one", "use": "sig"}
            return answer(200, {"keys": [public]})
        assert url.startswith(f"{API}/{PACKAGE}/"), url
        self.asked.append((method, url.removeprefix(f"{API}/{PACKAGE}")))
        if (headers or {}).get("authorization") != f"Bearer {self.good}":
            return answer(401, {})
        path, _, query = url.partition("?")
        if path.endswith("/voidedpurchases"):
            return answer(200, self._voided(dict(p.split("=") for p in query.split("&"))))
        name = path.rpartition("/")[2]
        found = self.purchases.get(name) or self.orders.get(name)
        return answer(404, {"error": {"code": 404}}) if found is None else answer(200, found)

    def _voided(self, wanted: dict[str, str]) -> dict[str, Any]:
        begin, end = int(wanted["startTime"]), int(wanted["endTime"])
        fits = [one for one in self.voided if begin <= int(one["voidedTimeMillis"]) <= end]
        first = int(wanted.get("token", "0"))
        after = first + self.page
        more = {"tokenPagination": {"nextPageToken": str(after)}} if len(fits) > after else {}
        return {"voidedPurchases": fits[first:after], **more}


def answer(status: int, body: object) -> HttpAnswer:
    kind = {"content-type": "application/json"}
    return HttpAnswer(status=status, headers=kind, body=msgspec.json.encode(body))


def service_account() -> str:
    account = {
        "type": "service_account", "client_email": _EMAIL, "private_key_id": "abc",
        "private_key": key("account").as_pem(private=True).decode(),
    }  # fmt: skip
    return msgspec.json.encode(account).decode()


def context(http: Google, mode: str = "live", **settings: Any) -> Context:
    return Context(
        tenant="moonlit",
        mode=mode,
        settings={
            "service_account": service_account(), "package_name": PACKAGE, "push_email": PUSHER,
            "products": [{"pack": PACK, "product": PRODUCT}], **settings,
        },
        now=NOW,
        webhook_url=WEBHOOK,
        http=http,
    )  # fmt: skip


def request(player: str | None = None, product: str | None = PACK) -> PaymentRequest:
    attempt = new_id("att")
    return PaymentRequest(
        attempt_id=attempt, idempotency_key=f"{attempt}:create:1", amount_minor=499,
        currency="EUR", description="Chest of gems", player_id=player or new_id("player"),
        product_id=product,
    )  # fmt: skip


def purchase(wanted: PaymentRequest, **changes: Any) -> dict[str, Any]:
    offer = {"quantity": 1, "consumptionState": "CONSUMPTION_STATE_YET_TO_BE_CONSUMED"}
    offer |= changes.pop("offer", {})
    item = {"productId": changes.pop("product", PRODUCT), "productOfferDetails": offer}
    return {
        "kind": "androidpublisher#productPurchaseV2",
        "productLineItem": [item],
        "purchaseStateContext": {"purchaseState": changes.pop("state", "PURCHASED")},
        "orderId": ORDER, "regionCode": "DE",
        "obfuscatedExternalAccountId": account_of(wanted.player_id),
        "obfuscatedExternalProfileId": wanted.attempt_id,
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_PENDING", **changes,
    }  # fmt: skip


def order(**changes: Any) -> dict[str, Any]:
    total = {"currencyCode": "EUR", "units": "4", "nanos": 990_000_000}
    return {
        "orderId": ORDER, "purchaseToken": TOKEN, "state": "PROCESSED", "total": total, **changes,
    }  # fmt: skip


async def confirm(
    here: Context, wanted: PaymentRequest, data: Mapping[str, str]
) -> Outcome | NotConfirmed:
    given = Confirmation(request=wanted, reference=wanted.attempt_id, data=data, by="buyer")
    return await GooglePlayProvider().confirm(here, given)


def bearer(by: str = "google", kid: str = "one", alg: str = "RS256", **claims: Any) -> str:
    now = int(NOW.timestamp())
    told = {
        "aud": WEBHOOK, "azp": "1", "email": PUSHER, "email_verified": True, "exp": now + 3_600,
        "iat": now, "iss": "https://accounts.google.com", "sub": "1", **claims,
    }  # fmt: skip
    return jwt.encode({"alg": alg, "kid": kid}, told, key(by), algorithms=[alg])


def push(
    told: Mapping[str, object], message_id: str = "136969346945", package: str = PACKAGE
) -> bytes:
    notification = {"version": "1.0", "packageName": package, "eventTimeMillis": "1"}
    data = b64encode(msgspec.json.encode({**notification, **told})).decode()
    message = {"data": data, "messageId": message_id, "attributes": {}}
    return msgspec.json.encode({"message": message, "subscription": "projects/x/subscriptions/y"})


def later(**span: float) -> int:
    return int((NOW + timedelta(**span)).timestamp())
