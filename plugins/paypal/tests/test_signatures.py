"""Webhooks are believed when PayPal signed them for this webhook not long ago, and only then."""

import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from plugins.paypal.tests.trust import Issuer, Signer
from tests.servers.canned import Canned

from guildbank.plugin_api import (
    Context,
    EventKind,
    HttpAnswer,
    Method,
    ProviderEvent,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.plugin import PayPalProvider

BODY = (
    b'{"id":"WH-1","event_type":"CHECKOUT.ORDER.APPROVED","resource":{"id":"ORDER1",'
    b'"status":"APPROVED","purchase_units":[{"custom_id":"att_01k4zzzzzzzzzzzzzzzzzzzzzz"}]}}'
)
WEBHOOK_ID = "5WA53290LR5218401"
CERT = "/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"
ROOT = Issuer("Root of the tests")
GOOD = ROOT.issue()


@dataclass(frozen=True)
class Message:
    """A webhook as it is sent; `at` and the rest may be whatever a stranger likes."""

    signer: Signer = GOOD
    body: bytes = BODY
    webhook_id: str = WEBHOOK_ID
    transmission: str = "103e3700-8b0c-11e6-8695-6b62a8a99ac4"
    at: str = ""
    algorithm: str = "SHA256withRSA"
    url: str = ""

    def headers(self) -> dict[str, str]:
        at = self.at or ago()
        signed = f"{self.transmission}|{at}|{self.webhook_id}|{zlib.crc32(self.body)}"
        return {
            "paypal-auth-algo": self.algorithm,
            "paypal-cert-url": self.url,
            "paypal-transmission-id": self.transmission,
            "paypal-transmission-time": at,
            "paypal-transmission-sig": b64encode(self.signer.sign(signed.encode())).decode(),
        }


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def here(canned: Canned) -> Context:
    settings = {
        "client_id": "client-1",
        "client_secret": "quiet-secret-of-a-tenant",
        "webhook_id": WEBHOOK_ID,
        "lab_url": canned.url,
        "trust_root": ROOT.pem,
    }
    return Context(
        tenant="demo",
        mode="test",
        settings=settings,
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1/",
        http=DirectHttp(),
    )


async def read(
    context: Context,
    canned: Canned,
    message: Message,
    *,
    chain: str | None = None,
    provider: PayPalProvider | None = None,
    body: bytes | None = None,
    signature: str | None = None,
) -> str:
    """Return `believed`, or the code and the reason of the refusal."""
    sent = replace(message, url=message.url or f"{canned.url}{CERT}")
    canned.answer_bytes(200, (message.signer.pem if chain is None else chain).encode())
    headers = sent.headers()
    if signature is not None:
        headers["paypal-transmission-sig"] = signature
    found = await (provider or PayPalProvider(timeout_seconds=2)).read_webhook(
        context, headers, message.body if body is None else body
    )
    if isinstance(found, WebhookRejected):
        return f"{found.code}: {found.detail}"
    assert found == ProviderEvent(
        external_id="WH-1",
        kind=EventKind.PAYMENT,
        attempt_id="att_01k4zzzzzzzzzzzzzzzzzzzzzz",
        payment_reference="ORDER1",
    )
    return "believed"


async def test_what_paypal_signed_is_believed(here: Context, canned: Canned) -> None:
    assert await read(here, canned, Message()) == "believed"


async def test_a_chain_by_way_of_an_intermediate_is_believed(here: Context, canned: Canned) -> None:
    between = Issuer("Between", by=ROOT)
    signer = between.issue()
    message = Message(signer)
    assert await read(here, canned, message, chain=signer.pem + between.pem) == "believed"
    alone = await read(here, canned, message, provider=PayPalProvider(), chain=signer.pem)
    assert "chains to no known root" in alone


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(Message(webhook_id="5WA53290LR5218402"), "webhook id", id="other webhook"),
        pytest.param(Message(Issuer("Root of the tests").issue()), "no known root", id="own root"),
        pytest.param(Message(ROOT.issue("evil.example")), "not PayPal's", id="other host's"),
        pytest.param(Message(ROOT.issue("paypal.com")), "not PayPal's", id="PayPal's other host"),
        pytest.param(Message(ROOT.issue(ends_in=timedelta(days=-1))), "not in force", id="expired"),
        pytest.param(
            Message(ROOT.issue(key=ec.generate_private_key(ec.SECP256R1()))),
            "not PayPal's",
            id="a key that is not RSA",
        ),
        pytest.param(Message(algorithm="SHA1withRSA"), "SHA256withRSA", id="weak algorithm"),
        pytest.param(Message(algorithm=""), "SHA256withRSA", id="no algorithm"),
        pytest.param(Message(transmission="1|2"), "cannot be read", id="a bar in the id"),
        pytest.param(Message(at="yesterday"), "cannot be read", id="no time"),
        pytest.param(Message(at="2026-13-40T00:00:00Z"), "cannot be read", id="no such day"),
    ],
)
async def test_what_anybody_else_signed_is_not(
    message: Message, reason: str, here: Context, canned: Canned
) -> None:
    refused = await read(here, canned, message)
    assert refused.startswith("bad_signature: ")
    assert reason in refused


@pytest.mark.parametrize(
    "changed", [BODY + b" ", BODY[:-1], BODY.replace(b"ORDER1", b"ORDER2"), b"", b"\xff"]
)
async def test_a_changed_body_is_not_believed(
    changed: bytes, here: Context, canned: Canned
) -> None:
    assert "does not fit the body" in await read(here, canned, Message(), body=changed)


@pytest.mark.parametrize(
    "forged", ["", "AAAA", "%%%", b64encode(bytes(256)).decode(), "A" * 100_000]
)
async def test_a_made_up_signature_is_not_believed(
    forged: str, here: Context, canned: Canned
) -> None:
    assert (await read(here, canned, Message(), signature=forged)).startswith("bad_signature")


@pytest.mark.parametrize(
    ("span", "answer"),
    [
        ({"days": 3}, "believed"),
        ({"days": 3, "hours": 23}, "believed"),
        ({"days": 4, "minutes": 1}, "too_old"),
        ({"minutes": -4}, "believed"),
        ({"minutes": -6}, "too_old"),
    ],
)
async def test_it_is_believed_for_as_long_as_paypal_tries(
    span: dict[str, float], answer: str, here: Context, canned: Canned
) -> None:
    assert (await read(here, canned, Message(at=ago(**span)))).startswith(answer)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example#api.paypal.com/v1/notifications/certs/CERT-1",
        "https://evil.paypal.com/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../oauth/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=https://evil.example",
        "https://api.paypal.com/v2/checkout/orders/CERT-1",
        "file:///etc/passwd",
        "",
    ],
)
@pytest.mark.parametrize("mode", ["test", "live"])
async def test_a_certificate_from_anywhere_else_is_not_even_fetched(
    url: str, mode: str, here: Context, canned: Canned
) -> None:
    real = {name: here.settings[name] for name in ("client_id", "client_secret", "webhook_id")}
    context = msgspec.structs.replace(here, mode=mode, settings=real)
    message = replace(Message(), url=url or "nowhere")
    assert "none of PayPal's" in await read(context, canned, message)
    assert canned.asked == []


async def test_the_lab_cannot_vouch_in_a_tenant_that_speaks_to_paypal(
    here: Context, canned: Canned
) -> None:
    real = {name: value for name, value in here.settings.items() if name != "lab_url"}
    context = msgspec.structs.replace(here, settings=real)
    assert "none of PayPal's" in await read(context, canned, Message())
    live = msgspec.structs.replace(here, mode="live")
    assert (await read(live, canned, Message())).startswith("wrong_account")
    assert canned.asked == []


async def test_without_the_labs_root_nothing_of_the_lab_is_believed(
    here: Context, canned: Canned
) -> None:
    rootless = {name: value for name, value in here.settings.items() if name != "trust_root"}
    context = msgspec.structs.replace(here, settings=rootless)
    assert (await read(context, canned, Message())).startswith("bad_signature")


@pytest.mark.parametrize(
    "chain", ["", "hello", GOOD.pem[:200], GOOD.pem * 7, "-----BEGIN CERTIFICATE-----\nAA\n"]
)
async def test_what_is_no_chain_of_certificates_is_not_believed(
    chain: str, here: Context, canned: Canned
) -> None:
    assert (await read(here, canned, Message(), chain=chain)).startswith("bad_signature")


async def test_a_certificate_is_fetched_once_an_hour(here: Context, canned: Canned) -> None:
    provider = PayPalProvider()
    for minutes, fetched in ((0, 1), (59, 1), (61, 2)):
        later = msgspec.structs.replace(here, now=here.now + timedelta(minutes=minutes))
        assert await read(later, canned, Message(), provider=provider) == "believed"
        assert len(canned.asked) == fetched


async def test_a_certificate_that_ends_while_it_is_kept_is_believed_no_longer(
    here: Context, canned: Canned
) -> None:
    provider, signer = PayPalProvider(), ROOT.issue(ends_in=timedelta(minutes=10))
    assert await read(here, canned, Message(signer), provider=provider) == "believed"
    later = msgspec.structs.replace(here, now=here.now + timedelta(minutes=11))
    assert "not in force" in await read(later, canned, Message(signer), provider=provider)


async def test_an_event_whose_certificate_cannot_be_had_now_is_refused_to_be_sent_again(
    here: Context, canned: Canned
) -> None:
    gone = "http://127.0.0.1:1"
    away = msgspec.structs.replace(here, settings={**here.settings, "lab_url": gone})
    assert "cannot be fetched now" in await read(away, canned, Message(url=f"{gone}{CERT}"))


class Paypal:
    """PayPal's own host, as far as it shows a certificate."""

    def __init__(self, chain: str) -> None:
        self.chain = chain
        self.asked: list[str] = []

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        self.asked.append(url)
        return HttpAnswer(status=200, headers={}, body=self.chain.encode())


@pytest.mark.parametrize(
    ("mode", "host", "fetched"),
    [
        ("live", "api.paypal.com", True),
        ("live", "api-m.paypal.com", True),
        ("live", "api.sandbox.paypal.com", False),
        ("test", "api.sandbox.paypal.com", True),
        ("test", "api.paypal.com", True),
    ],
)
async def test_paypals_own_certificate_has_to_chain_to_a_public_root(
    mode: str, host: str, fetched: bool, here: Context, canned: Canned
) -> None:
    world = Paypal(Issuer("Root").issue("messageverificationcerts.paypal.com").pem)
    real = {name: here.settings[name] for name in ("client_id", "client_secret", "webhook_id")}
    context = msgspec.structs.replace(here, mode=mode, settings=real, http=world)
    url = f"https://{host}{CERT}"
    refused = await read(context, canned, Message(url=url))
    assert world.asked == ([url] if fetched else [])
    assert ("chains to no known root" if fetched else "none of PayPal's") in refused
