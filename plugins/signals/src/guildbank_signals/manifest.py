"""What the plugin says of itself."""

from guildbank.plugin_api import BY_ADDRESS, MAX_PAST_SPAN, Manifest, Slot

DEFAULT_DEVICE_DAYS = 7
MANIFEST = Manifest(
    id="signals",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Where a purchase comes from",
    capabilities=frozenset({BY_ADDRESS}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "device_days": {
                "type": "integer",
                "title": "Days of a device",
                "description": "How far back other players of the same device are counted.",
                "minimum": 1,
                "maximum": MAX_PAST_SPAN.days,
                "default": DEFAULT_DEVICE_DAYS,
            },
        },
    },
    timeout_seconds=5,
    fail_closed=False,
)
