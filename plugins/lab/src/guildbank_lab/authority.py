"""A certificate authority of the lab's own, and the certificate by which it signs webhooks.

Both are made anew at each start and live in memory: whoever trusts the lab's root trusts one run.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BITS = 2_048
_LASTS = timedelta(days=365)
_CLOCKS_DIFFER = timedelta(days=1)


class Authority:
    """A root and the certificates that it gives out."""

    def __init__(self, now: datetime) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        self._name = name_of("Guildbank lab, worth nothing anywhere else")
        self._begins, self._ends = now - _CLOCKS_DIFFER, now + _LASTS
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._root = (
            self._begin(self._name, self._key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(usage_of(signs_certificates=True), critical=True)
            .sign(self._key, SHA256())
        )

    @property
    def root_pem(self) -> str:
        """The root, which a test tenant is told to trust."""
        return self._root.public_bytes(Encoding.PEM).decode()

    def signer(self, host: str) -> "Signer":
        """Give a certificate for this host name, with a key of its own."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        leaf = (
            self._begin(name_of(host), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage_of(signs_certificates=False), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, SHA256())
        )
        return Signer(key, leaf.public_bytes(Encoding.PEM) + self.root_pem.encode())

    def _begin(self, subject: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        identity = x509.SubjectKeyIdentifier.from_public_key(key)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._begins)
            .not_valid_after(self._ends)
            .add_extension(identity, critical=False)
        )


class Signer:
    """A key whose certificate the authority gave out; `chain` is the PEM that proves it."""

    def __init__(self, key: rsa.RSAPrivateKey, chain: bytes) -> None:
        self._key = key
        self.chain = chain

    def sign(self, message: bytes) -> bytes:
        """Return RSA with SHA-256 over the message."""
        return self._key.sign(message, PKCS1v15(), SHA256())


def name_of(text: str) -> x509.Name:
    """Return a certificate's name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage_of(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what a certificate's key is for: other certificates, or all else that is signed."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
