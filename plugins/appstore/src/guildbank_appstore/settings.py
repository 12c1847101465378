"""A tenant's settings, read once a call: which app, by which key, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from appstoreserverlibrary.models.Environment import Environment
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from guildbank.plugin_api import Context, SettingProblem

HOSTS = ("api.storekit.apple.com", "api.storekit-sandbox.apple.com")
_ENVIRONMENTS = {"test": Environment.SANDBOX, "live": Environment.PRODUCTION}
LAB_ONLY = frozenset({"lab_url", "lab_root"})


class BadSettings(ValueError):
    """The settings cannot be used in this mode. The message holds no secret.

    Raised and not returned: with other settings an earlier purchase may be known at Apple, so that
    nothing is certain about the payment.
    """


class Product(msgspec.Struct, frozen=True):
    """Which product of the store sells a pack."""

    pack: str
    product: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call needs; the key is left out of its repr."""

    private_key: str = field(repr=False)
    key_id: str
    issuer_id: str
    bundle_id: str
    app_apple_id: int
    products: Sequence[Product]
    reviewers: Sequence[str] = ()
    credit_free_periods: bool = False
    lab_url: str | None = None
    lab_root: str | None = None
    environment: Environment

    def product_of(self, pack: str | None) -> str | None:
        """Return the store's product of a pack, None where it is not sold there."""
        return next((one.product for one in self.products if one.pack == pack), None)

    def pack_of(self, product: str | None, wanted: str | None) -> str | None:
        """Return the pack that a product sells, the wanted one if it does; None for no pack."""
        if product is not None and self.product_of(wanted) == product:
            return wanted
        return next((one.pack for one in self.products if one.product == product), None)

    def root(self) -> bytes | None:
        """Return the root of a lab as DER, None for Apple's own."""
        if self.lab_root is None:
            return None
        return _certificate(self.lab_root).public_bytes(Encoding.DER)

    def may_review(self, player_id: str) -> bool:
        """Say whether a player of a live tenant may bring purchases of the sandbox."""
        return self.environment is Environment.PRODUCTION and player_id in self.reviewers


def read_settings(context: Context) -> Settings:
    """Return the settings of this context; raises BadSettings.

    A test tenant asks Apple's sandbox and nothing else, a live one production. The core keeps the
    lab out of live tenants; it is refused here once more.
    """
    environment = _ENVIRONMENTS.get(context.mode)
    if environment is None:
        raise BadSettings(f"there is no App Store for the mode {context.mode}")
    if context.mode == "live" and LAB_ONLY & context.settings.keys():
        raise BadSettings("lab_url and lab_root may be set in test mode only")
    try:
        return msgspec.convert({**context.settings, "environment": environment}, type=Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"the settings are not as the schema says: {error}") from None


def problems_of(settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
    """Return what the schema cannot say: a key of another kind, a pack with two products."""
    problems = []
    if not _is_key(settings.get("private_key")):
        detail = "Give the whole .p8 file of an In-App Purchase key: a P-256 key in PEM."
        problems.append(SettingProblem(field="private_key", detail=detail))
    if not _is_certificate(settings.get("lab_root")):
        detail = "Give the lab's root certificate in PEM."
        problems.append(SettingProblem(field="lab_root", detail=detail))
    rows = settings.get("products")
    seen: set[object] = set()
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        pack = row.get("pack") if isinstance(row, Mapping) else None
        if pack in seen:
            detail = "A pack is sold by one product; this one has two."
            problems.append(SettingProblem(field=f"products.{number}.pack", detail=detail))
        seen.add(pack)
    return problems


def _is_key(text: object) -> bool:
    if not isinstance(text, str):
        return True
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        return False
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


def _is_certificate(text: object) -> bool:
    if not isinstance(text, str):
        return True
    try:
        _certificate(text)
    except ValueError:
        return False
    return True


def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())
