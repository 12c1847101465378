"""Reads who Telegram's data is about."""

from collections.abc import Mapping

import msgspec

from guildbank.plugin_api import ExternalIdentity

ISSUERS = {"production": "https://telegram.org", "test": "https://telegram.org/test"}
"""The test environment has accounts of its own, whose numbers say nothing of real ones."""
_BIGGEST_ID = 2**52
"""Telegram's ids have at most 52 significant bits."""


class WebAppUser(msgspec.Struct, frozen=True):
    """The field `user` of init data; more fields may come."""

    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str | None = None
    photo_url: str | None = None
    is_bot: bool = False


def web_app_user(fields: Mapping[str, str]) -> WebAppUser | None:
    """Return the user of init data, None where there is none that can be read."""
    try:
        return msgspec.json.decode(fields.get("user", ""), type=WebAppUser)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def widget_user(fields: Mapping[str, str]) -> WebAppUser | None:
    """Return the user of the login widget, whose fields stand side by side."""
    number = fields.get("id", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= 16):
        return None
    return WebAppUser(
        id=int(number),
        first_name=fields.get("first_name", ""),
        last_name=fields.get("last_name", ""),
        username=fields.get("username", ""),
        photo_url=fields.get("photo_url"),
    )


def identity_of(user: WebAppUser, environment: str) -> ExternalIdentity | None:
    """Return the identity; a bot is nobody."""
    if user.is_bot or not 0 < user.id < _BIGGEST_ID:
        return None
    full = f"{user.first_name} {user.last_name}".strip()
    return ExternalIdentity(
        issuer=ISSUERS[environment],
        subject=str(user.id),
        name=full or user.username or None,
        locale=user.language_code,
        picture=user.photo_url,
    )
