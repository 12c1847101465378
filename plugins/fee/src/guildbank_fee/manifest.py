"""What the plugin says of itself."""

from typing import Any

from guildbank.kernel import MAX_AMOUNT
from guildbank.plugin_api import Manifest, Slot


def _amount(title: str, description: str) -> dict[str, Any]:
    return {
        "type": "integer",
        "title": title,
        "description": description,
        "minimum": 0,
        "maximum": MAX_AMOUNT,
    }


FEE = {
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
        "fixed_minor": _amount("Fixed part", "In minor units: 30 is 0.30 EUR."),
        "percent": {
            "type": "string",
            "title": "Part of the price",
            "description": 'Percent as a decimal string: "2.9".',
            "pattern": r"^(0|[1-9][0-9]?|100)(\.[0-9]{1,6})?$(?!\n)",
        },
        "least_minor": _amount("Least", "What the fee comes to at least. Without it, nothing."),
        "most_minor": _amount("Most", "What the fee comes to at most. Without it, the price."),
        "countries": {
            "type": "array",
            "title": "Countries",
            "description": "Two capital letters of ISO 3166-1 each. Without them, all.",
            "minItems": 1,
            "maxItems": 300,
            "items": {"type": "string", "pattern": r"^[A-Z]{2}$(?!\n)"},
        },
        "platforms": {
            "type": "array",
            "title": "Platforms",
            "description": "Where the buyer buys, such as web. Without them, everywhere.",
            "minItems": 1,
            "maxItems": 20,
            "items": {"type": "string", "minLength": 1, "maxLength": 20},
        },
    },
}
MANIFEST = Manifest(
    id="fee",
    version="0.1.0",
    slot=Slot.CHARGE,
    title="Fees",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["fees"],
        "properties": {
            "fees": {
                "type": "array",
                "title": "Fees",
                "description": "The first that fits a purchase is added to its price.",
                "minItems": 1,
                "maxItems": 200,
                "items": FEE,
            },
            "label": {
                "type": "string",
                "title": "Name",
                "description": "What the buyer reads.",
                "minLength": 1,
                "maxLength": 60,
                "default": "Service fee",
            },
        },
    },
    timeout_seconds=5,
)
