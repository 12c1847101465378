"""What the plugin says of itself."""

from guildbank.plugin_api import Manifest, Slot

MANIFEST = Manifest(
    id="age",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Confirmed age",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["required"],
        "properties": {
            "required": {
                "type": "string",
                "title": "Required",
                "description": "confirmed: somebody has made sure that the player is of age.",
                "enum": ["confirmed"],
            },
            "good_for_days": {
                "type": "integer",
                "title": "Good for days",
                "description": "How old a confirmation may be. Without it, of any age.",
                "minimum": 1,
                "maximum": 36_500,
            },
        },
    },
    timeout_seconds=5,
)
