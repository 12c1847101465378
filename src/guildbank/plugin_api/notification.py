"""The slot of notification channels: short messages to a person by Telegram or SMS."""

from enum import StrEnum
from typing import Protocol

import msgspec

from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.provider import Context


class Medium(StrEnum):
    """What carries a message; a channel names those that it serves among its capabilities."""

    TELEGRAM = "telegram"
    SMS = "sms"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way.

    `id` is the same each time that it is sent, so that a vendor who takes a key sends it once. `to`
    is a phone number in E.164 form (`+4915112345678`) or a Telegram chat id. `text` is plain, in
    the reader's language, and may hold a secret: it goes into no log.
    """

    id: str
    medium: Medium
    to: str
    text: str
    locale: str


class DeliveryStatus(StrEnum):
    """What is certain after a call."""

    SENT = "sent"
    """The vendor took it; `reference` is the vendor's id."""
    REFUSED = "refused"
    """It will never go: a number that does not exist, a chat that was closed."""
    LATER = "later"
    """Not now: try again."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a call; `code` is the vendor's error code and holds no personal data."""

    status: DeliveryStatus
    reference: str | None = None
    code: str | None = None


class NotificationChannel(Protocol):
    """Carries messages by one medium or several. Safe to share: state lives in the context.

    Whatever `send` raises, a time-out included, means that it is tried again.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `notification` and its media as capabilities."""
        ...

    async def send(self, context: Context, notification: Notification) -> Delivery:
        """Send one message."""
        ...

    async def test_connection(self, context: Context) -> str:
        """Return a sentence that says which account answered; raise if none did."""
        ...
