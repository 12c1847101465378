"""An authenticator in software, for answers that no browser would give: other hosts, old counts."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One passkey (ES256, no attestation), and the page on which it is used.

    `verified` says that it checked a PIN or finger of its holder.
    """

    origin: str
    verified: bool = True
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    user: str = ""

    def create(self, options: dict[str, Any], rp_id: str | None = None) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.user = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        told = self._data(rp_id or options["rp"]["id"], ATTESTED) + credential
        attested = {"fmt": "none", "attStmt": {}, "authData": told + cbor2.dumps(public)}
        response = {
            "clientDataJSON": base64url(self._client("webauthn.create", options["challenge"])),
            "attestationObject": base64url(cbor2.dumps(attested)),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], rp_id: str | None = None) -> dict[str, Any]:
        """Answer `navigator.credentials.get`, counting on."""
        self.count += 1
        client = self._client("webauthn.get", options["challenge"])
        told = self._data(rp_id or options["rpId"])
        signed = self.key.sign(told + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": base64url(client),
            "authenticatorData": base64url(told),
            "signature": base64url(signed),
            "userHandle": self.user or None,
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        id_ = base64url(self.credential_id)
        more = {"clientExtensionResults": {}, "authenticatorAttachment": "platform"}
        return {"id": id_, "rawId": id_, "type": "public-key", "response": response, **more}

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
