"""What the plugin says of itself."""

from guildbank.kernel import MAX_AMOUNT
from guildbank.plugin_api import MAX_PAST, MAX_PAST_SPAN, Manifest, Slot

MAX_WINDOW_MINUTES = MAX_PAST_SPAN.days * 24 * 60
MAX_LIMITS = 50
COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_PAST - 1}
LIMIT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["window_minutes"],
    "properties": {
        "window_minutes": {
            "type": "integer",
            "title": "Within minutes",
            "description": "How far back it looks: 60 is an hour, 1440 a day, 44640 a month.",
            "minimum": 1,
            "maximum": MAX_WINDOW_MINUTES,
        },
        "most_purchases": {
            **COUNT,
            "title": "Most purchases",
            "description": "How many a player may make, of those that are paid or open.",
        },
        "most_declines": {
            **COUNT,
            "title": "Most declines",
            "description": "How many tries to pay may be declined. More look like stolen cards.",
        },
        "most_minor": {
            "type": "integer",
            "title": "Most money",
            "description": "What a player may spend, in minor units: 10000 is 100.00 EUR.",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
        },
        "money": {
            "type": "string",
            "title": "Money",
            "description": "Of which currency of ISO 4217 that is, such as EUR.",
            "pattern": r"^[A-Z]{3}$(?!\n)",
        },
    },
}
MANIFEST = Manifest(
    id="velocity",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="What a player buys in a time",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["limits"],
        "properties": {
            "limits": {
                "type": "array",
                "title": "Limits",
                "description": "Each bounds purchases, declines or money within its minutes.",
                "minItems": 1,
                "maxItems": MAX_LIMITS,
                "items": LIMIT,
            },
        },
    },
    timeout_seconds=5,
)
