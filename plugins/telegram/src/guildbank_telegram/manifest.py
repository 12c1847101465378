"""What the plugin says of itself, and a tenant's settings as it uses them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from guildbank.plugin_api import Manifest, Slot
from guildbank_telegram.signatures import PUBLIC_KEYS

MAX_AGE_SECONDS = 3_600

MANIFEST = Manifest(
    id="telegram",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Telegram",
    capabilities=frozenset({"asserting"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["bot_token"]}, {"required": ["bot_id"]}],
        "properties": {
            "bot_token": {
                "type": "string",
                "title": "Bot token",
                "description": "From BotFather. Without it only Web Apps can be checked, by "
                "Telegram's own signature.",
                "pattern": "^[0-9]{1,16}:[A-Za-z0-9_-]{20,128}$",
            },
            "bot_id": {
                "type": "string",
                "title": "Bot id",
                "description": "The number before the colon of the token.",
                "pattern": "^[0-9]{1,16}$",
            },
            "environment": {
                "type": "string",
                "title": "Telegram's environment",
                "enum": sorted(PUBLIC_KEYS),
                "default": "production",
            },
            "public_key": {
                "type": "string",
                "title": "Telegram's public key",
                "description": "64 hexadecimal digits, if Telegram publishes another key than "
                "this version knows.",
                "pattern": "^[0-9a-f]{64}$",
            },
            "max_age_seconds": {
                "type": "integer",
                "title": "Oldest data believed, in seconds",
                "minimum": 60,
                "maximum": 86_400,
                "default": MAX_AGE_SECONDS,
            },
        },
    },
    secret_fields=frozenset({"bot_token"}),
    timeout_seconds=5,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a call needs."""

    bot_token: str | None
    bot_id: str
    environment: str
    public_key: str
    max_age: timedelta

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Settings(bot_id={self.bot_id!r})"


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings with what is left out filled in."""
    token = given.get("bot_token")
    environment = given.get("environment", "production")
    return Settings(
        bot_token=token,
        bot_id=given.get("bot_id") or str(token).partition(":")[0],
        environment=environment,
        public_key=given.get("public_key") or PUBLIC_KEYS[environment],
        max_age=timedelta(seconds=given.get("max_age_seconds", MAX_AGE_SECONDS)),
    )
