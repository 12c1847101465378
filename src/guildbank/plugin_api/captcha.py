"""The slot of captchas: whether a response was given by a person, as its provider sees it.

A call returns None for a response that is good, or a Refusal with a code of CAPTCHA_REJECTIONS.
Whatever it raises, a time-out included, means that nobody could say: the core answers
`captcha_unavailable`, and lets nobody past.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.manifest import Manifest

CAPTCHA_REJECTIONS: Mapping[str, str] = {
    "captcha_failed": "The response is wrong, too old, used before, or from another site.",
}
"""Every code that a plugin may refuse with, and what it means."""


class CaptchaContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin knows of the tenant on each call; `settings` with secrets in clear."""

    tenant: str
    mode: str
    settings: Mapping[str, Any]
    now: datetime
    http: Http


class CaptchaResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the client's widget gave, and the address of the client where it is known.

    `key` is a UUID of this check, for providers that take one against double sending.
    """

    response: str
    address: str | None
    key: str


class Captcha(Protocol):
    """Checks responses. Safe to share between calls and tenants."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `captcha`."""
        ...

    async def verify(self, context: CaptchaContext, response: CaptchaResponse) -> Refusal | None:
        """Return None for a response that is good, which uses it up, else `captcha_failed`."""
        ...
