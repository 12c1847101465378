"""A chain of three certificates with Apple's marks, and what is signed by its last one.

Marks: https://developer.apple.com/documentation/appstoreserverapi/jwstransaction . Made anew
at each start, as the lab's other authority.
"""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from guildbank_lab.authority import name_of, usage_of

OF_INTERMEDIATES = x509.ObjectIdentifier("1.2.840.113635.100.6.2.1")
OF_SIGNERS = x509.ObjectIdentifier("1.2.840.113635.100.6.11.1")
_NULL = b"\x05\x00"
_LASTS = timedelta(days=400)
_CLOCKS_DIFFER = timedelta(days=400)
_HALF = 32


class Chain:
    """A root, an intermediate and a signer. `marked` is false for one without Apple's marks."""

    def __init__(self, now: datetime, *, marked: bool = True) -> None:
        self._begins, self._ends = now - _CLOCKS_DIFFER, now + _LASTS
        root_key, middle_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in "123")
        root_name, middle_name = (
            name_of("Guildbank lab's Apple root"),
            name_of("Guildbank lab's WWDR"),
        )
        root = self._make(root_name, root_key, root_name, root_key, depth=1, mark=None)
        middle = self._make(
            middle_name, middle_key, root_name, root_key, depth=0,
            mark=OF_INTERMEDIATES if marked else None,
        )  # fmt: skip
        signer = self._make(
            name_of("Guildbank lab's Mac App Store"), self._key, middle_name, middle_key,
            depth=None, mark=OF_SIGNERS if marked else None,
        )  # fmt: skip
        self._x5c = [
            b64encode(one.public_bytes(Encoding.DER)).decode() for one in (signer, middle, root)
        ]
        self.root_pem = root.public_bytes(Encoding.PEM).decode()

    def sign(self, payload: Mapping[str, object], x5c: list[str] | None = None) -> str:
        """Return the payload as a JWS, with the chain, or another one, in its header."""
        header = {"alg": "ES256", "x5c": self._x5c if x5c is None else x5c}
        return signed(self._key, header, payload)

    @property
    def x5c(self) -> list[str]:
        """The chain as headers have it, the signer first."""
        return self._x5c

    def _make(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        depth: int | None,
        mark: x509.ObjectIdentifier | None,
    ) -> x509.Certificate:
        """Give a certificate; without a `depth` it signs no others."""
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._begins)
            .not_valid_after(self._ends)
            .add_extension(
                x509.BasicConstraints(ca=depth is not None, path_length=depth), critical=True
            )
            .add_extension(usage_of(signs_certificates=depth is not None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(authority, critical=False)
        )
        if mark is not None:
            made = made.add_extension(x509.UnrecognizedExtension(mark, _NULL), critical=False)
        return made.sign(issuer_key, SHA256())


def signed(
    key: ec.EllipticCurvePrivateKey, header: Mapping[str, object], payload: Mapping[str, object]
) -> str:
    """Return a compact JWS by ES256 (RFC 7515, RFC 7518)."""
    text = f"{_packed(json.dumps(header).encode())}.{_packed(json.dumps(payload).encode())}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{_packed(r.to_bytes(_HALF) + s.to_bytes(_HALF))}"


def claims_of(key: ec.EllipticCurvePublicKey, token: str) -> Mapping[str, object] | None:
    """Return what a token by ES256 says, None where it is not signed by this key."""
    try:
        text, _, proof = token.rpartition(".")
        raw = _unpacked(proof)
        half = encode_dss_signature(int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:]))
        key.verify(half, text.encode(), ec.ECDSA(SHA256()))
        found = json.loads(_unpacked(text.partition(".")[2]))
    except (InvalidSignature, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _packed(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
