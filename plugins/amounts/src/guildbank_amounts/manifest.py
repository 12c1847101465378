"""What the plugin says of itself."""

from guildbank.kernel import MAX_AMOUNT
from guildbank.plugin_api import Manifest, Slot

LIMIT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["money"],
    "properties": {
        "money": {
            "type": "string",
            "title": "Money",
            "description": "A currency of ISO 4217, such as EUR.",
            "pattern": r"^[A-Z]{3}$(?!\n)",
        },
        "least_minor": {
            "type": "integer",
            "title": "Least",
            "description": "In minor units: 500 is 5.00 EUR. Without it, none.",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
        },
        "most_minor": {
            "type": "integer",
            "title": "Most",
            "description": "In minor units: 10000 is 100.00 EUR. Without it, none.",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
        },
    },
}
MANIFEST = Manifest(
    id="amounts",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Least and most amounts",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["limits"],
        "properties": {
            "limits": {
                "type": "array",
                "title": "Limits",
                "description": "What one purchase may cost, for each money.",
                "minItems": 1,
                "maxItems": 200,
                "items": LIMIT,
            },
            "other_money": {
                "type": "string",
                "title": "Other money",
                "description": "What becomes of a purchase in a money that is not listed.",
                "enum": ["refuse", "admit"],
                "default": "refuse",
            },
        },
    },
    timeout_seconds=5,
)
