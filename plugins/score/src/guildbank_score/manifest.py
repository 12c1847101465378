"""What the plugin says of itself."""

from guildbank.kernel import MAX_AMOUNT
from guildbank.plugin_api import MAX_PAST, MAX_PAST_SPAN, MAX_POINTS, MAX_REASONS, Manifest, Slot

MAX_VALUES = 50
LINE = r"^[^\x00-\x1f\x7f]+$(?!\n)"
WHOLE = {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT}
RULE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code", "points", "detail"],
    "properties": {
        "code": {
            "type": "string",
            "title": "Code",
            "description": "A stable word for programs, such as device_shared; each has its own.",
            "pattern": r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
        },
        "points": {
            "type": "integer",
            "title": "Points",
            "description": "What it adds where it holds, or takes away: from -100 to 100.",
            "minimum": -MAX_POINTS,
            "maximum": MAX_POINTS,
        },
        "detail": {
            "type": "string",
            "title": "Sentence",
            "description": "What operators read. What was seen is added to it.",
            "minLength": 1,
            "maxLength": 300,
            "pattern": LINE,
        },
        "annotation": {
            "type": "string",
            "title": "Annotation",
            "description": "Looks at what a step noted, such as signals.mismatch.",
            "minLength": 1,
            "maxLength": 64,
            "pattern": LINE,
        },
        "values": {
            "type": "array",
            "title": "Values",
            "description": "Holds where the annotation is one of these.",
            "minItems": 1,
            "maxItems": MAX_VALUES,
            "items": {"type": "string", "maxLength": 500},
        },
        "missing": {
            "type": "boolean",
            "title": "Missing",
            "description": "Holds where nobody noted the annotation.",
        },
        "history": {
            "type": "string",
            "title": "History",
            "description": "Counts the player's other purchases: all, those that are paid, those "
            "whose money went back, or the tries that were declined.",
            "enum": ["purchases", "paid", "returned", "declines"],
        },
        "within_hours": {
            "type": "integer",
            "title": "Within hours",
            "description": "How far back it counts: 24 is a day, 744 a month.",
            "minimum": 1,
            "maximum": MAX_PAST_SPAN.days * 24,
        },
        "price_in": {
            "type": "string",
            "title": "Price in",
            "description": "Looks at the price, in minor units, of purchases in this currency.",
            "pattern": r"^[A-Z]{3}$(?!\n)",
        },
        "at_least": {
            **WHOLE,
            "title": "At least",
            "description": "Holds from this number on: of an annotation, a count or a price.",
        },
        "at_most": {**WHOLE, "title": "At most", "description": "Holds up to this number."},
    },
}
MANIFEST = Manifest(
    id="score",
    version="0.1.0",
    slot=Slot.SCORER,
    title="A score by rules",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["rules"],
        "properties": {
            "rules": {
                "type": "array",
                "title": "Rules",
                "description": "All that hold add up, from 0 to 100.",
                "minItems": 1,
                "maxItems": MAX_REASONS,
                "items": RULE,
            },
        },
    },
    timeout_seconds=5,
)
MOST_COUNTED = MAX_PAST - 1
