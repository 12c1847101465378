"""The certificates by which PayPal signs: fetched from PayPal alone, verified to a known root.

PayPal names its certificate in a header of each webhook. Whoever may name any address may sign with
a key of their own, so the address has to be one of PayPal's, and what is fetched from there has to
be issued to PayPal's signing service and to chain to a public root.
"""

import re
import warnings
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from guildbank.plugin_api import Context
from guildbank_paypal.settings import Settings

_LIVE_HOSTS = ("api.paypal.com", "api-m.paypal.com")
_TEST_HOSTS = ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
_LIVE_NAMES = ("messageverificationcerts.paypal.com",)
_TEST_NAMES = ("messageverificationcerts.sandbox.paypal.com", *_LIVE_NAMES)
_PATH = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEPT_FOR = timedelta(hours=1)
_MOST_KEPT = 64
_MOST_BYTES = 64 * 1024
_LONGEST_CHAIN = 6

Chain = tuple[x509.Certificate, ...]


class NotTrusted(Exception):
    """Why a certificate is not believed, in a sentence."""


class Certificates:
    """Chains by address, kept for an hour; bounded, the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Chain, datetime]] = OrderedDict()

    async def key(self, context: Context, settings: Settings, url: str) -> RSAPublicKey:
        """Return the key of the certificate at this address. Raises NotTrusted, NoAnswer."""
        if not is_pinned(settings, url):
            raise NotTrusted("the certificate's address is none of PayPal's")
        kept = self._kept.get(url)
        known = kept is not None and context.now - kept[1] < _KEPT_FOR
        chain = kept[0] if kept is not None and known else await _fetch(context, url)
        # Verified each time: a root is a tenant's own where a lab plays PayPal.
        key = _verified(settings, chain, context.now)
        if not known:
            self._kept.pop(url, None)
            while len(self._kept) >= _MOST_KEPT:
                self._kept.popitem(last=False)
            self._kept[url] = chain, context.now
        return key


def is_pinned(settings: Settings, url: str) -> bool:
    """Say whether a certificate may be fetched from there: nothing is parsed, all is compared."""
    hosts = _LIVE_HOSTS if settings.live else (*_TEST_HOSTS, *_LIVE_HOSTS)
    origins = [f"https://{host}" for host in hosts]
    if settings.lab_url is not None:
        origins = [settings.lab_url]
    return any(
        url.startswith(f"{origin}/") and _PATH.fullmatch(url.removeprefix(origin))
        for origin in origins
    )


async def _fetch(context: Context, url: str) -> Chain:
    answer = await context.http.send("GET", url)
    if answer.status != 200 or len(answer.body) > _MOST_BYTES:
        raise NotTrusted(f"PayPal shows no certificate there: {answer.status}")
    try:
        chain = tuple(x509.load_pem_x509_certificates(answer.body))
    except ValueError:
        raise NotTrusted("what PayPal shows there is no certificate") from None
    if len(chain) > _LONGEST_CHAIN:
        raise NotTrusted("the chain of certificates is too long")
    return chain


def _verified(settings: Settings, chain: Chain, now: datetime) -> RSAPublicKey:
    names = _LIVE_NAMES if settings.live else _TEST_NAMES
    policy = PolicyBuilder().store(_store(settings)).time(now.replace(tzinfo=None))
    for name in names:
        try:
            leaf, *_ = policy.build_server_verifier(x509.DNSName(name)).verify(
                chain[0], list(chain[1:])
            )
        except VerificationError:
            continue
        key = leaf.public_key()
        if isinstance(key, RSAPublicKey):
            return key
    raise NotTrusted("the certificate is not PayPal's, not in force, or chains to no known root")


def _store(settings: Settings) -> Store:
    if settings.lab_url is None and settings.trust_root is None:
        return _public_roots()
    try:
        return Store(x509.load_pem_x509_certificates((settings.trust_root or "").encode()))
    except ValueError:
        raise NotTrusted("trust_root is not the PEM of a certificate") from None


@cache
def _public_roots() -> Store:
    """Return the roots that browsers trust, but for any that is not as RFC 5280 wants it."""
    roots = []
    for pem in _PEM.findall(Path(certifi.where()).read_bytes()):
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            with suppress(CryptographyDeprecationWarning, ValueError):
                roots.append(x509.load_pem_x509_certificate(pem))
    return Store(roots)
