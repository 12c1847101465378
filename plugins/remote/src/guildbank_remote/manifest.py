"""What the two plugins say of themselves: the same settings, and another worth of silence."""

from collections.abc import Mapping
from typing import Any

from guildbank.plugin_api import BEFORE_MOVES, SECRET_PATTERN, Manifest, Slot

DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS = 3_000, 8_000
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "secrets"],
    "properties": {
        "url": {
            "type": "string",
            "format": "uri",
            "pattern": r"^https?://[^/?#@\s]+(/[^#\s]*)?$(?!\n)",
            "maxLength": 500,
            "title": "Address",
            "description": "Where your server is asked, such as https://game.example/may-buy.",
        },
        "secrets": {
            "type": "string",
            "pattern": f"^{SECRET_PATTERN}( {SECRET_PATTERN})?$(?!\\n)",
            "title": "Secret, or two with a space between",
            "description": "whsec_ and 24 to 64 bytes in base64. With two, both sign.",
        },
        "timeout_ms": {
            "type": "integer",
            "title": "Time to answer",
            "description": "In milliseconds, for name, connection and answer.",
            "minimum": 100,
            "maximum": MAX_TIMEOUT_MS,
            "default": DEFAULT_TIMEOUT_MS,
        },
        "version": {
            "type": "integer",
            "title": "Version of the question",
            "description": "The form of the body. It stays until you change it.",
            "enum": [1],
            "default": 1,
        },
    },
}


def _manifest(id_: str, title: str, *, fail_closed: bool) -> Manifest:
    return Manifest(
        id=id_,
        version="0.1.0",
        slot=Slot.MIDDLEWARE,
        capabilities=frozenset({BEFORE_MOVES}),
        title=title,
        settings_schema=SCHEMA,
        secret_fields=frozenset({"secrets"}),
        egress_hosts=("*",),
        timeout_seconds=10,
        fail_closed=fail_closed,
        archived=("allow", "veto.code"),
    )


GATE_MANIFEST = _manifest("http_gate", "Ask your own server", fail_closed=True)
NOTE_MANIFEST = _manifest("http_note", "Take notes of your own server", fail_closed=False)
