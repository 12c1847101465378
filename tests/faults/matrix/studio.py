"""The studio's own server, in the hall: it is told by signed webhooks of what was committed.

It keeps every message that it took, with how the payment stood at that moment, so that what was
told too early is seen. It can be late, take a message without a word, or not take it.
"""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.plugin_api import (
    Annotated,
    Context,
    Manifest,
    PurchaseView,
    Slot,
)

PATH = "/told"
TELL, NOTE = "tell-studio", "look-again"
"""The steps of the pipeline: who tells, and what looks at a purchase after its credit."""
CREDITED = "payments.credited"
_LATE_SECONDS = 0.03


class Told(NamedTuple):
    """A message that was taken, and how its payment stood then."""

    id: str
    kind: str
    stood: str


class _Message(msgspec.Struct):
    type: str
    data: dict[str, Any]


class Studio:
    """Takes messages about payments; `trouble` is what goes wrong with the next credit."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.told: list[Told] = []
        self.trouble: str | None = None
        self.look: Callable[[str], Awaitable[str]] | None = None
        """Says how a payment stands; without it nobody lives here, and nothing is taken."""

    @property
    def secret(self) -> str:
        """Return what messages are signed with, as a webhook's settings have it."""
        return f"whsec_{base64.b64encode(self._key).decode()}"

    def begin(self, look: Callable[[str], Awaitable[str]], trouble: str | None) -> None:
        """Forget everything: another payment's life begins."""
        self.told, self.trouble, self.look = [], trouble, look

    async def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take a message; return the status to answer with."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.digest(self._key, signed, sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{mac}", "not signed by us"
        message = msgspec.json.decode(body, type=_Message)
        assert self.look is not None, message
        trouble = None
        if message.type == CREDITED:
            trouble, self.trouble = self.trouble, None
        if trouble == "lost":
            return 503
        stood = await self.look(message.data["payment"])
        self.told.append(Told(headers["webhook-id"], message.type, stood))
        if trouble == "delay":
            await asyncio.sleep(_LATE_SECONDS)
        # A server that fails after its work took the message, and nobody knows.
        return 500 if trouble == "silence" else 204


class Notary:
    """A step after the credit; it writes down when the money was credited."""

    manifest: ClassVar = Manifest(
        id="notary", version="1", slot=Slot.MIDDLEWARE, title="Notary", timeout_seconds=1,
        fail_closed=False, settings_schema={"type": "object", "additionalProperties": False},
    )  # fmt: skip

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        """Note it."""
        when = "never" if purchase.credited_at is None else "then"
        return Annotated(annotations={"credited": when})
