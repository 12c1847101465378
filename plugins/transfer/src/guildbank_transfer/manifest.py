"""What the plugin says of itself: whose account, and how long a transfer may take."""

from guildbank.plugin_api import Manifest, Slot

MANIFEST = Manifest(
    id="bank_transfer",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Bank transfer",
    capabilities=frozenset({"refund", "partial_refund", "cancel", "confirm", "payouts"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["holder", "iban"],
        "properties": {
            "holder": {
                "type": "string", "minLength": 1, "maxLength": 70, "title": "Account holder",
            },
            "iban": {
                "type": "string", "minLength": 15, "maxLength": 42, "title": "IBAN",
                "description": "The account that buyers pay to, with or without spaces.",
            },
            "bic": {
                "type": "string", "title": "BIC",
                "pattern": "^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$",
            },
            "text": {
                "type": "string", "minLength": 1, "maxLength": 500, "title": "Text for buyers",
                "description": "What is shown beside the account, such as who answers questions.",
            },
            "days": {
                "type": "integer", "minimum": 1, "maximum": 60, "default": 14,
                "title": "Days to pay",
            },
        },
    },
    account_settings=frozenset({"iban"}),
    confirmed_by="operator",
)  # fmt: skip
