"""An Apple inside the test: signs by a chain of its own, and answers what a test lets it know."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import load_pem_x509_certificate

from guildbank.kernel import epoch_ms, new_id, uuid_of
from guildbank.plugin_api import (
    Confirmation,
    Context,
    HttpAnswer,
    Method,
    NotConfirmed,
    Outcome,
    PaymentRequest,
)
from guildbank_appstore import trust
from guildbank_appstore.plugin import AppStoreProvider
from guildbank_appstore.rehearsal import PACK, PRODUCT
from guildbank_lab.apple.chain import Chain, claims_of

NOW = datetime.now(UTC)
CHAIN = Chain(NOW)
STRANGER = Chain(NOW)
UNMARKED = Chain(NOW, marked=False)
KEY = ec.generate_private_key(ec.SECP256R1())
BUNDLE, NUMBER = "example.game", 1_234_567
PRODUCTION = "https://api.storekit.apple.com"
SANDBOX = "https://api.storekit-sandbox.apple.com"
REVIEWER = new_id("player")


class Apple:
    """An `Http` that shows transactions by where they are asked for, and remembers who asked."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def sell(self, request: PaymentRequest, *, at: str = PRODUCTION, **changes: Any) -> str:
        """Sell what a request asks for; return the transaction as signed."""
        signed = transaction(request, at=at, **changes)
        self.known[at, "2000000123"] = signed
        return signed

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        self.asked.append((method, url, headers or {}))
        host, _, path = url.partition("/inApps/")
        signed = self.known.get((host, path.rpartition("/")[2]))
        if signed is None:
            said: dict[str, Any] = {"errorCode": 4040010, "errorMessage": "not found"}
            return _answer(404, said)
        return _answer(200, {"signedTransactionInfo": signed})


def _answer(status: int, body: object) -> HttpAnswer:
    kind = {"content-type": "application/json"}
    return HttpAnswer(status=status, headers=kind, body=msgspec.json.encode(body))


def context(http: Apple, mode: str = "live", **settings: Any) -> Context:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    lab = {} if mode == "live" else {"lab_root": CHAIN.root_pem}
    return Context(
        tenant="moonlit",
        mode=mode,
        settings={
            "private_key": pem, "key_id": "ABCDE12345",
            "issuer_id": "57246542-96fe-1a63-e053-0824d011072a", "bundle_id": BUNDLE,
            "app_apple_id": NUMBER, "products": [{"pack": PACK, "product": PRODUCT}],
            **lab, **settings,
        },
        now=NOW,
        webhook_url="https://shop.example/v1/webhooks/moonlit/app_store",
        http=http,
    )  # fmt: skip


def trust_the_lab(patch: pytest.MonkeyPatch) -> None:
    """Let the test's root stand where Apple's is, for live tenants, which can be given none."""
    der = load_pem_x509_certificate(CHAIN.root_pem.encode()).public_bytes(Encoding.DER)
    patch.setattr(trust, "APPLE_ROOT", der)


def request(player: str | None = None, product: str | None = PACK) -> PaymentRequest:
    attempt = new_id("att")
    return PaymentRequest(
        attempt_id=attempt, idempotency_key=f"{attempt}:create:1", amount_minor=499,
        currency="EUR", description="Chest of gems", player_id=player or new_id("player"),
        product_id=product,
    )  # fmt: skip


def payload(wanted: PaymentRequest, *, at: str = PRODUCTION, **changes: Any) -> dict[str, Any]:
    now = epoch_ms(NOW)
    return {
        "transactionId": "2000000123", "originalTransactionId": "2000000123",
        "bundleId": BUNDLE, "productId": PRODUCT, "purchaseDate": now,
        "originalPurchaseDate": now, "quantity": 1, "type": "Consumable",
        "appAccountToken": uuid_of(wanted.attempt_id), "inAppOwnershipType": "PURCHASED",
        "signedDate": now, "environment": "Production" if at == PRODUCTION else "Sandbox",
        "transactionReason": "PURCHASE", "storefront": "DEU", "storefrontId": "143443",
        "price": 4_990, "currency": "EUR", **changes,
    }  # fmt: skip


def transaction(wanted: PaymentRequest, *, by: Chain = CHAIN, **changes: Any) -> str:
    return by.sign(payload(wanted, **changes))


async def confirm(
    here: Context, wanted: PaymentRequest, data: Mapping[str, str]
) -> Outcome | NotConfirmed:
    given = Confirmation(
        request=wanted, reference=uuid_of(wanted.attempt_id), data=data, by="buyer"
    )
    return await AppStoreProvider().confirm(here, given)


def later(**span: float) -> int:
    return epoch_ms(NOW + timedelta(**span))


def speaks_for_the_app(headers: Mapping[str, str]) -> bool:
    """Say whether a call bears a token that the app's key signed."""
    claims = claims_of(KEY.public_key(), headers["Authorization"].removeprefix("Bearer "))
    return claims is not None and claims["bid"] == BUNDLE
