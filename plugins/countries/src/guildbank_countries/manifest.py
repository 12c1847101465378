"""What the plugin says of itself."""

from guildbank.plugin_api import Manifest, Slot

MANIFEST = Manifest(
    id="countries",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Countries",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["listed", "countries"],
        "properties": {
            "listed": {
                "type": "string",
                "title": "The countries below",
                "description": "admit: only purchases from these pass. refuse: all others pass.",
                "enum": ["admit", "refuse"],
            },
            "countries": {
                "type": "array",
                "title": "Countries",
                "description": "Two capital letters of ISO 3166-1 each, such as DE.",
                "minItems": 1,
                "maxItems": 300,
                "items": {"type": "string", "pattern": r"^[A-Z]{2}$(?!\n)"},
            },
            "without_country": {
                "type": "string",
                "title": "Without a country",
                "description": "What becomes of a purchase whose country is not known.",
                "enum": ["refuse", "admit"],
                "default": "refuse",
            },
        },
    },
    timeout_seconds=5,
)
