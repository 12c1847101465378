"""What the plugin says of itself."""

from guildbank.plugin_api import Manifest, Slot

MANIFEST = Manifest(
    id="steam",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Steam",
    capabilities=frozenset({"asserting"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["publisher_key", "app_id", "identity"],
        "properties": {
            "publisher_key": {
                "type": "string",
                "title": "Publisher web-API key",
                "pattern": "^[0-9A-Fa-f]{32}$",
            },
            "app_id": {"type": "string", "title": "App id", "pattern": "^[0-9]{1,10}$"},
            "identity": {
                "type": "string",
                "title": "Identity",
                "description": "What the game gives to GetAuthTicketForWebApi. A ticket for "
                "another service has another one and is refused.",
                "pattern": "^[!-~]+$",
                "maxLength": 128,
            },
            "refuse_vac_banned": {
                "type": "boolean",
                "title": "Refuse accounts that Steam has banned for cheating",
                "default": False,
            },
            "refuse_borrowed": {
                "type": "boolean",
                "title": "Refuse accounts that borrow the game",
                "default": False,
            },
        },
    },
    secret_fields=frozenset({"publisher_key"}),
    egress_hosts=("partner.steam-api.com",),
    timeout_seconds=15,
)
