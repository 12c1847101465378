"""What the plugin says of itself."""

from guildbank.plugin_api import Manifest, Slot

MANIFEST = Manifest(
    id="turnstile",
    version="0.1.0",
    slot=Slot.CAPTCHA,
    title="Cloudflare Turnstile",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["secret_key"],
        "properties": {
            "secret_key": {
                "type": "string",
                "title": "Secret key",
                "pattern": "^[!-~]{20,200}$",
            },
            "hostnames": {
                "type": "array",
                "title": "Hosts of the pages that show the widget",
                "items": {"type": "string", "pattern": "^[a-z0-9.-]{1,253}$"},
                "maxItems": 50,
                "default": [],
            },
        },
    },
    secret_fields=frozenset({"secret_key"}),
    egress_hosts=("challenges.cloudflare.com",),
    timeout_seconds=5,
)
