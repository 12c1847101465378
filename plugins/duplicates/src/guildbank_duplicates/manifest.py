"""What the plugin says of itself."""

from guildbank.plugin_api import Manifest, Slot

DEFAULT_SECONDS = 30
MANIFEST = Manifest(
    id="duplicates",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Purchases made twice",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "seconds": {
                "type": "integer",
                "title": "Within seconds",
                "description": "So long the same product at the same price is taken for a mistake.",
                "minimum": 1,
                "maximum": 3_600,
                "default": DEFAULT_SECONDS,
            },
        },
    },
    timeout_seconds=5,
)
