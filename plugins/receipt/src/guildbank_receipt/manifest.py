"""What the plugin says of itself: who sells, and what stands on each receipt."""

from typing import Any

from guildbank.plugin_api import LETTERS, Manifest, Slot

MAX_SELLER, MAX_LINE, MAX_LINES, MAX_FOOTER = 100, 100, 6, 800


def _line(title: str, most: int) -> dict[str, Any]:
    return {
        "type": "string", "minLength": 1, "maxLength": most, "pattern": r"\S", "title": title,
    }  # fmt: skip


MANIFEST = Manifest(
    id="receipt",
    version="0.1.0",
    slot=Slot.CALLBACK,
    title="Receipt by mail",
    capabilities=frozenset({LETTERS}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["seller"],
        "properties": {
            "seller": {
                **_line("Seller", MAX_SELLER),
                "description": "Who sells: the name of the company, as it is on a receipt.",
            },
            "address": {
                "type": "array",
                "title": "Address",
                "description": "The lines of the seller's address.",
                "maxItems": MAX_LINES,
                "items": _line("Line", MAX_LINE),
            },
            "tax_id": {
                **_line("Tax id", MAX_LINE),
                "description": "The seller's number for taxes, such as a VAT id.",
            },
            "footer": {
                **_line("Footer", MAX_FOOTER),
                "description": "A paragraph under each mail, such as who answers questions.",
            },
            "refunds": {
                "type": "boolean",
                "title": "Tell of refunds",
                "description": "Whether players are written to when money went back to them.",
                "default": True,
            },
        },
    },
    timeout_seconds=5,
)
