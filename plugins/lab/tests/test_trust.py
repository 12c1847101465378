"""The lab signs as PayPal does, under a root that only who asks for it can trust."""

import zlib
from base64 import b64decode

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store
from plugins.lab.tests.merchant import Merchant
from tests.servers.canned import Asked
from tests.servers.lab import LabServer

HOST = "messageverificationcerts.sandbox.paypal.com"


async def verify(merchant: Merchant, asked: Asked, root: str) -> None:
    """Verify a webhook by PayPal's own description; raises when it does not hold."""
    sent = {name: asked.headers[f"paypal-{name}"] for name in ("cert-url", "transmission-sig")}
    chain = x509.load_pem_x509_certificates((await merchant.http.get(sent["cert-url"])).content)
    store = Store(x509.load_pem_x509_certificates(root.encode()))
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(HOST))
    leaf, *_ = verifier.verify(chain[0], chain[1:])
    key = leaf.public_key()
    assert isinstance(key, RSAPublicKey)
    words = (
        asked.headers["paypal-transmission-id"],
        asked.headers["paypal-transmission-time"],
        merchant.settings["webhook_id"],
        str(zlib.crc32(asked.body)),
    )
    proof = b64decode(sent["transmission-sig"])
    key.verify(proof, "|".join(words).encode(), PKCS1v15(), SHA256())


async def test_a_webhook_bears_a_signature_that_its_certificate_proves(merchant: Merchant) -> None:
    await merchant.approved()
    asked = await merchant.heard("CHECKOUT.ORDER.APPROVED")
    await verify(merchant, asked, merchant.settings["trust_root"])


async def test_a_forged_one_does_not(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.turn(order["id"], "webhook", "forged")
    await merchant.at_lab("/lab/paypal/approve", order=order["id"])
    asked = await merchant.heard("CHECKOUT.ORDER.APPROVED")
    with pytest.raises(InvalidSignature):
        await verify(merchant, asked, merchant.settings["trust_root"])


def test_each_start_has_a_root_of_its_own_and_the_same_seed_names_alike() -> None:
    with LabServer(seed=7) as one, LabServer(seed=7) as two:
        first, second = one.open_paypal(f"{one.url}/"), two.open_paypal(f"{two.url}/")
    assert first["trust_root"] != second["trust_root"]
    assert first["webhook_id"] == second["webhook_id"]
