"""What the plugin says of itself."""

from guildbank.plugin_api import BEFORE_MOVES, Manifest, Slot

MAX_RULES = 50
LONGEST_RULE = 2_000
LINE = r"^[^\x00-\x1f\x7f]+$(?!\n)"
NOTE_NAME = r"^[a-z][a-z0-9_]{0,22}$(?!\n)"
"""With the name of the step before it, it fits into the 64 characters of an annotation."""

VETO = {
    "type": "object",
    "title": "Refuse it",
    "additionalProperties": False,
    "required": ["code", "detail"],
    "properties": {
        "code": {
            "type": "string",
            "title": "Code",
            "description": "A stable word for programs, such as too_dear.",
            "pattern": r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
        },
        "detail": {
            "type": "string",
            "title": "Sentence",
            "description": "What the player reads.",
            "minLength": 1,
            "maxLength": 500,
            "pattern": LINE,
        },
    },
}
NOTE = {
    "type": "object",
    "title": "Note facts",
    "description": "Later steps and rules read them in payment.annotations, or move.annotations.",
    "minProperties": 1,
    "maxProperties": 10,
    "additionalProperties": False,
    "patternProperties": {
        NOTE_NAME: {
            "type": "string",
            "minLength": 1,
            "maxLength": 500,
            "pattern": LINE,
        },
    },
}
RULE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "when", "then"],
    "properties": {
        "name": {
            "type": "string",
            "title": "Name",
            "description": "What you call the rule; no two have the same.",
            "minLength": 1,
            "maxLength": 80,
            "pattern": LINE,
        },
        "when": {
            "type": "string",
            "title": "When",
            "description": "An expression in CEL over payment, or move, and now: true or false.",
            "minLength": 1,
            "maxLength": LONGEST_RULE,
        },
        "then": {
            "type": "object",
            "title": "Then",
            "description": "One of the two.",
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {"veto": VETO, "note": NOTE},
        },
    },
}
MANIFEST = Manifest(
    id="rule",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    capabilities=frozenset({BEFORE_MOVES}),
    title="Rules in CEL",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["rules"],
        "properties": {
            "rules": {
                "type": "array",
                "title": "Rules",
                "description": "Asked in this order: the first veto ends it, notes add up.",
                "minItems": 1,
                "maxItems": MAX_RULES,
                "items": RULE,
            },
        },
    },
    timeout_seconds=5,
)
