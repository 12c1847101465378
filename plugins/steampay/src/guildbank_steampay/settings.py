"""A tenant's settings, read once a call: which game is sold, and which of Steam's two databases."""

from dataclasses import dataclass, field

import msgspec

from guildbank.plugin_api import Context

HOST = "partner.steam-api.com"
_INTERFACES = {"test": "ISteamMicroTxnSandbox", "live": "ISteamMicroTxn"}


class BadSettings(ValueError):
    """The settings cannot be used in this mode. The message holds no secret.

    Raised and not returned: with other settings an earlier try may have reached Steam, so that
    nothing is certain about the payment.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call needs; the key is left out of its repr."""

    publisher_key: str = field(repr=False)
    app_id: str
    language: str = "en"
    return_url: str | None = None
    lab_url: str | None = None
    interface: str

    @property
    def base(self) -> str:
        """The address that every call begins with."""
        return f"{self.lab_url or f'https://{HOST}'}/{self.interface}"


def read_settings(context: Context) -> Settings:
    """Return the settings of this context; raises BadSettings.

    A test tenant reaches the sandbox, which takes no money, and nothing else. The core keeps the
    lab's address out of live tenants; it is refused here once more.
    """
    interface = _INTERFACES.get(context.mode)
    if interface is None:
        raise BadSettings(f"there is no Steam for the mode {context.mode}")
    try:
        settings = msgspec.convert({**context.settings, "interface": interface}, type=Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"the settings are not as the schema says: {error}") from None
    if context.mode == "live" and settings.lab_url is not None:
        raise BadSettings("lab_url may be set in test mode only")
    return settings
