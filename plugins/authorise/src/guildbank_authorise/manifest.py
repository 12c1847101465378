"""What the plugin says of itself."""

from guildbank.plugin_api import BEFORE_MOVES, Manifest, Slot

DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS = 3_000, 3_000
MANIFEST = Manifest(
    id="authorise",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    capabilities=frozenset({BEFORE_MOVES}),
    title="Ask the game's server",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["url", "secret"],
        "properties": {
            "url": {
                "type": "string",
                "title": "Address",
                "description": "Where the game's server is asked, such as https://game.example/buy.",
                "format": "uri",
                "maxLength": 2_000,
            },
            "secret": {
                "type": "string",
                "title": "Secret",
                "description": "whsec_ and 24 to 64 random bytes in base64, which both sides know.",
                "maxLength": 200,
            },
            "timeout_ms": {
                "type": "integer",
                "title": "Time to answer",
                "description": "In milliseconds, for name, connection and answer.",
                "minimum": 100,
                "maximum": MAX_TIMEOUT_MS,
                "default": DEFAULT_TIMEOUT_MS,
            },
        },
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=("*",),
    archived=("allow", "code"),
    timeout_seconds=4,
)
