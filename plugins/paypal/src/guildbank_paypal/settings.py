"""A tenant's settings, read once a call: which PayPal is called, whose signatures are believed."""

from dataclasses import dataclass, field

import msgspec

from guildbank.plugin_api import Context

_BASES = {"test": "https://api-m.sandbox.paypal.com", "live": "https://api-m.paypal.com"}
_PAGES = {"test": "https://www.sandbox.paypal.com", "live": "https://www.paypal.com"}


class BadSettings(ValueError):
    """The settings cannot be used in this mode. The message holds no secret.

    Raised and not returned: with other settings an earlier try may have reached PayPal, so that
    nothing is certain about the payment.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call needs; the secret is left out of its repr."""

    client_id: str
    client_secret: str = field(repr=False)
    webhook_id: str
    brand_name: str | None = None
    return_url: str | None = None
    lab_url: str | None = None
    trust_root: str | None = None
    live: bool = False

    @property
    def base(self) -> str:
        """The address that every call begins with."""
        return self.lab_url or _BASES["live" if self.live else "test"]

    @property
    def pages(self) -> str:
        """The address of the pages that a player sees."""
        return self.lab_url or _PAGES["live" if self.live else "test"]


def read_settings(context: Context) -> Settings:
    """Return the settings of this context; raises BadSettings.

    The core keeps the lab's settings out of live tenants. They are refused here once more, because
    what they would cost there is anybody's word for money.
    """
    if context.mode not in _BASES:
        raise BadSettings(f"there is no PayPal for the mode {context.mode}")
    live = context.mode == "live"
    try:
        settings = msgspec.convert({**context.settings, "live": live}, type=Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"the settings are not as the schema says: {error}") from None
    if live and (settings.lab_url is not None or settings.trust_root is not None):
        raise BadSettings("lab_url and trust_root may be set in test mode only")
    return settings
