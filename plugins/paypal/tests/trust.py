"""Certificates for tests: good ones, and each kind that must not be believed."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PAYPAL = "messageverificationcerts.sandbox.paypal.com"
_YEAR = timedelta(days=365)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """A certificate authority: a root, or one that a root has signed."""

    def __init__(self, name: str, by: "Issuer | None" = None) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = by or self
        now = datetime.now(UTC)
        self.certificate = (
            _begin(self.name, signer.name, self.key, now - 2 * _YEAR, now + _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(_issued_by(signer), critical=False)
            .sign(signer.key, SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(
        self, host: str = PAYPAL, *, ends_in: timedelta = _YEAR, key: Key | None = None
    ) -> "Signer":
        """Issue a certificate for a host."""
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        now = datetime.now(UTC)
        leaf = (
            _begin(name, self.name, key, now - _YEAR, now + ends_in)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(_issued_by(self), critical=False)
            .sign(self.key, SHA256())
        )
        return Signer(key, leaf.public_bytes(Encoding.PEM).decode())


class Signer:
    """A key with its certificate."""

    def __init__(self, key: Key, pem: str) -> None:
        self.key = key
        self.pem = pem

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, PKCS1v15(), SHA256())
        return self.key.sign(message, ec.ECDSA(SHA256()))


def _begin(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(identity, critical=False)
    )


def _issued_by(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
