"""What the plugin says of itself: whose vouchers it takes, which batches, and how long it waits."""

from guildbank.plugin_api import Manifest, Slot
from guildbank_voucher.batches import MAX_BATCHES
from guildbank_voucher.codes import MAX_BATCH, MAX_SERIAL, SECRET_PATTERN

MAX_SECRETS = 4
SERIALS = r"^[1-9][0-9]{0,7}(-[1-9][0-9]{0,7})?$(?!\n)"
_BATCH = {
    "type": "object",
    "additionalProperties": False,
    "required": ["batch", "amount", "currency", "count"],
    "properties": {
        "batch": {"type": "integer", "minimum": 1, "maximum": MAX_BATCH, "title": "Batch"},
        "amount": {
            "type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,5})?$(?!\n)", "title": "Worth",
            "description": "What each is worth, as when it was made: another amount makes it void.",
        },
        "currency": {"type": "string", "pattern": r"^[A-Z]{3}$(?!\n)", "title": "Currency"},
        "count": {
            "type": "integer", "minimum": 1, "maximum": MAX_SERIAL, "title": "Vouchers in it",
        },
        "expires": {
            "type": "string", "format": "date", "title": "Last day",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)",
            "description": "The last day, in UTC, on which it is taken. Without one it is always.",
        },
        "revoked": {
            "type": "boolean", "default": False, "title": "Revoked",
            "description": "None of it is taken any more.",
        },
        "revoked_serials": {
            "type": "array", "maxItems": 200, "title": "Revoked vouchers",
            "items": {"type": "string", "pattern": SERIALS, "maxLength": 17},
            "description": "Serials that are not taken any more, such as 17 or 20-29.",
        },
    },
}  # fmt: skip
MANIFEST = Manifest(
    id="voucher",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Vouchers",
    capabilities=frozenset({"refund", "partial_refund", "cancel", "confirm"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mode": {
                "enum": ["own", "by_hand"], "default": "own", "title": "Whose vouchers",
                "description": "own: codes that you made with guildbank-voucher. by_hand: those of "
                "somebody else, which an operator of yours looks at and takes or rejects.",
            },
            "secrets": {
                "type": "string", "title": "Secrets of the codes",
                "pattern": f"^{SECRET_PATTERN}( {SECRET_PATTERN}){{0,{MAX_SECRETS - 1}}}$(?!\\n)",
                "description": "What guildbank-voucher secret printed, up to four with a space "
                "between. Needed in mode own.",
            },
            "batches": {
                "type": "array", "maxItems": MAX_BATCHES, "items": _BATCH, "title": "Batches",
            },
            "text": {
                "type": "string", "minLength": 1, "maxLength": 500, "title": "Text for buyers",
                "description": "What is shown beside the field, such as where vouchers are sold.",
            },
            "days": {
                "type": "integer", "minimum": 1, "maximum": 60, "default": 3,
                "title": "Days to pay",
                "description": "How long a payment waits for a code, and for who looks at it.",
            },
        },
    },
    account_settings=frozenset({"mode"}),
    secret_fields=frozenset({"secrets"}),
    confirmed_by="either",
)  # fmt: skip
