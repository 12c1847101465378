"""What the plugin says of itself."""

from typing import Any

from guildbank.plugin_api import Manifest, Slot

RATE = r"(0|[1-9][0-9]?|100)(\.[0-9]{1,6})?"
LABEL: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 40}
ELSEWHERE: dict[str, Any] = {
    "type": "string",
    "pattern": rf"^(refuse|{RATE})$(?!\n)",
    "default": "refuse",
}
RATE_OF_COUNTRY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["country", "rate"],
    "properties": {
        "country": {
            "type": "string",
            "title": "Country",
            "description": "Two capital letters of ISO 3166-1, such as DE.",
            "pattern": r"^[A-Z]{2}$(?!\n)",
        },
        "region": {
            "type": "string",
            "title": "Region",
            "description": "A part of the country with a rate of its own, as `region_note` has it.",
            "minLength": 1,
            "maxLength": 40,
        },
        "rate": {
            "type": "string",
            "title": "Rate",
            "description": 'Percent as a decimal string: "19" or "9.975".',
            "pattern": rf"^{RATE}$(?!\n)",
        },
        "included": {
            "type": "boolean",
            "title": "In the price",
            "description": "Whether the price bears it already. Without it, as for all.",
        },
        "label": {
            **LABEL,
            "title": "Name",
            "description": "What the buyer reads before the rate. Without it, as for all.",
        },
    },
}
MANIFEST = Manifest(
    id="tax",
    version="0.1.0",
    slot=Slot.CHARGE,
    title="Taxes by country",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["rates"],
        "properties": {
            "rates": {
                "type": "array",
                "title": "Rates",
                "description": "The rate of each country, and of regions of it.",
                "minItems": 1,
                "maxItems": 500,
                "items": RATE_OF_COUNTRY,
            },
            "included": {
                "type": "boolean",
                "title": "In the price",
                "description": "Whether prices bear the tax already (VAT), or it is added to them.",
                "default": True,
            },
            "label": {
                **LABEL,
                "title": "Name",
                "description": "What the buyer reads before the rate.",
                "default": "VAT",
            },
            "without_country": {
                **ELSEWHERE,
                "title": "Without a country",
                "description": "refuse, or the rate of a purchase whose country is not known.",
            },
            "other_countries": {
                **ELSEWHERE,
                "title": "Other countries",
                "description": "refuse, or the rate of countries that are not listed: 0 for none.",
            },
            "taxes_fees": {
                "type": "boolean",
                "title": "Fees are taxed",
                "description": "Whether the fees of steps before this one bear the same rate.",
                "default": False,
            },
            "exempt_products": {
                "type": "array",
                "title": "Products without tax",
                "description": "The ids of what is sold without this tax.",
                "maxItems": 200,
                "items": {"type": "string", "minLength": 1, "maxLength": 64},
                "default": [],
            },
            "region_note": {
                "type": "string",
                "title": "Note that names the region",
                "description": "The note of an entry step that says where in the country it is.",
                "minLength": 3,
                "maxLength": 64,
            },
        },
    },
    timeout_seconds=5,
)
