"""What keeps robots out of a tenant: captchas, and addresses that are not taken."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

Action: TypeAlias = Literal["register", "login", "reset_password", "guest"]
"""What may need a captcha; a login needs one after some failures only."""
Disposable: TypeAlias = Literal["refuse", "allow"]

PROTECTION_CHANGED = "identity.protection_changed"
MAX_CAPTCHA_RESPONSE = 4_096


class Captcha(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's account at a captcha provider; `sealed` is all of its settings, in JSON.

    `version` is the plugin's that took them, empty where nobody knows it.
    """

    provider: str
    site_key: str
    sealed: bytes
    actions: tuple[Action, ...]
    version: str = ""


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's choice; one that never chose refuses disposable addresses and has no captcha."""

    disposable_addresses: Disposable = "refuse"
    captcha: Captcha | None = None
    changed_at: datetime | None = None


DISPOSABLE_ADDRESS = Refusal(
    code="disposable_address",
    detail="Addresses that live for minutes are not taken here. Use one that you will keep.",
    field="email",
)
BREACHED_PASSWORD = Refusal(
    code="breached_password",
    detail=(
        "This password is known from a breach of another site, so it is guessed early. Take one "
        "that you use nowhere else."
    ),
    field="password",
)
UNKNOWN_CAPTCHA = Refusal(
    code="invalid_value",
    detail="There is no captcha plugin of this id.",
    field="captcha.provider",
)


def captcha_required(captcha: Captcha) -> Refusal:
    """Return the refusal that tells a client which captcha to show."""
    return Refusal(
        code="captcha_required",
        detail="Solve the captcha and send its response as `captchaResponse`.",
        field="captchaResponse",
        extra={"provider": captcha.provider, "siteKey": captcha.site_key},
    )
