"""A tenant's settings, read once a call, so that a key of the wrong mode never reaches Stripe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from guildbank.plugin_api import Context

KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"test": ("sk_test_", "rk_test_"), "live": ("sk_live_", "rk_live_")}
)
"""How secret and restricted keys begin, by mode. A publishable key is none, whatever its mode."""


class BadSettings(ValueError):
    """The settings cannot be used in this mode. The message holds no secret.

    Raised and not returned: with other settings an earlier try may have reached Stripe, so that
    nothing is certain about the payment.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call needs; secrets are left out of its repr.

    `bare_requests` is for test servers that refuse fields they do not know: a payment then says
    its amount, currency, method and metadata, and nothing else.
    """

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_base: str | None = None
    statement_descriptor_suffix: str | None = None
    bare_requests: bool = False


def read_settings(context: Context) -> Settings:
    """Return the settings of this context; raises BadSettings."""
    try:
        settings = msgspec.convert(dict(context.settings), type=Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"the settings are not as the schema says: {error}") from None
    prefixes = KEYS.get(context.mode, ())
    if not settings.secret_key.startswith(prefixes):
        raise BadSettings(
            f"a {context.mode} tenant needs a secret key of Stripe's {context.mode} mode"
        )
    if settings.api_base is not None and context.mode != "test":
        raise BadSettings("api_base may be set in test mode only")
    if settings.bare_requests and settings.api_base is None:
        raise BadSettings("bare_requests is for test servers: it needs api_base")
    return settings
