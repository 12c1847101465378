"""What the plugin says of itself."""

from guildbank.plugin_api import SECRET_PATTERN, Manifest, Slot

KIND = r"^[a-z_]+(\.[a-z_]+)*(\.\*)?$(?!\n)"
MANIFEST = Manifest(
    id="webhook",
    version="0.1.0",
    slot=Slot.CALLBACK,
    title="Signed webhook",
    settings_schema={
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
                "description": "Where events are posted.",
            },
            "secrets": {
                "type": "string",
                "pattern": f"^{SECRET_PATTERN}( {SECRET_PATTERN})?$(?!\\n)",
                "title": "Secret, or two with a space between",
                "description": "whsec_ and 24 to 64 bytes in base64. With two, both sign.",
            },
            "events": {
                "type": "array",
                "title": "Events",
                "description": "Kinds, such as payments.credited, or beginnings, such as "
                "payments.*. Without any all are sent.",
                "minItems": 1,
                "maxItems": 100,
                "items": {"type": "string", "pattern": KIND, "maxLength": 100},
            },
            "event_version": {
                "type": "integer",
                "title": "Version of the events",
                "description": "The form of the bodies. It stays until you change it.",
                "enum": [1],
                "default": 1,
            },
            "description": {
                "type": "string",
                "title": "Description",
                "description": "Whose server it is. Nobody is sent it.",
                "maxLength": 200,
            },
        },
    },
    secret_fields=frozenset({"secrets"}),
    egress_hosts=("*",),
    timeout_seconds=10,
)
