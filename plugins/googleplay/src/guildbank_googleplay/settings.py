"""A tenant's settings, read once a call: which app, by which key, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from guildbank.plugin_api import Context, SettingProblem

API, TOKENS, KEYS = (
    "androidpublisher.googleapis.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
)
HOSTS = (API, TOKENS, KEYS)
LAB_ONLY = frozenset({"lab_url"})
_LEAST_BITS = 2_048
_WHOLE_FILE = "Give the whole JSON file of a service account's key, with an RSA key in it."


class BadSettings(ValueError):
    """The settings cannot be used in this mode. The message holds no secret.

    Raised and not returned: with other settings an earlier purchase may be known at Google, so that
    nothing is certain about the payment.
    """


class Product(msgspec.Struct, frozen=True):
    """Which product of the store sells a pack."""

    pack: str
    product: str


class ServiceAccount(msgspec.Struct, frozen=True):
    """What is used of a service account's key file; where it says that tokens are had is not."""

    type: Literal["service_account"]
    client_email: str
    private_key: str
    private_key_id: str = ""


_ACCOUNTS = msgspec.json.Decoder(ServiceAccount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call needs; the key is left out of its repr."""

    account: ServiceAccount = field(repr=False)
    package_name: str
    products: Sequence[Product]
    mode: str
    push_email: str | None = None
    push_audience: str
    reviewers: Sequence[str] = ()
    credit_free_periods: bool = False
    lab_url: str | None = None

    def base(self, host: str) -> str:
        """Return where a host of Google's is reached: itself, or the lab that plays it."""
        return self.lab_url or f"https://{host}"

    def product_of(self, pack: str | None) -> str | None:
        """Return the store's product of a pack, None where it is not sold there."""
        return next((one.product for one in self.products if one.pack == pack), None)

    def pack_of(self, product: str | None, wanted: str | None) -> str | None:
        """Return the pack that a product sells, the wanted one if it does; None for no pack."""
        if product is not None and self.product_of(wanted) == product:
            return wanted
        return next((one.pack for one in self.products if one.product == product), None)

    def may_review(self, player_id: str) -> bool:
        """Say whether a player of a live tenant may bring test purchases."""
        return self.mode == "live" and player_id in self.reviewers


def read_settings(context: Context) -> Settings:
    """Return the settings of this context; raises BadSettings.

    The core keeps the lab out of live tenants; it is refused here once more.
    """
    given = dict(context.settings)
    if context.mode not in ("test", "live"):
        raise BadSettings(f"there is no Google Play for the mode {context.mode}")
    if context.mode == "live" and LAB_ONLY & given.keys():
        raise BadSettings("lab_url may be set in test mode only")
    account = _account_of(given.pop("service_account", None))
    if account is None:
        raise BadSettings("service_account is no key of a service account")
    known = {"push_audience": context.webhook_url, **given, "mode": context.mode}
    try:
        return msgspec.convert({**known, "account": account}, type=Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"the settings are not as the schema says: {error}") from None


def problems_of(settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
    """Return what the schema cannot say: a file of another kind, a pack with two products."""
    problems = []
    key = settings.get("service_account")
    account = _account_of(key)
    if isinstance(key, str) and (account is None or not _is_sound(account.private_key)):
        problems.append(SettingProblem(field="service_account", detail=_WHOLE_FILE))
    rows = settings.get("products")
    seen: set[object] = set()
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        pack = row.get("pack") if isinstance(row, Mapping) else None
        if pack in seen:
            detail = "A pack is sold by one product; this one has two."
            problems.append(SettingProblem(field=f"products.{number}.pack", detail=detail))
        seen.add(pack)
    return problems


def _account_of(text: object) -> ServiceAccount | None:
    """Return what a key file says, None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        return _ACCOUNTS.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _is_sound(pem: str) -> bool:
    """Say whether a key can sign for Google; its numbers are checked, which takes a while."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        return False
    return isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_BITS
