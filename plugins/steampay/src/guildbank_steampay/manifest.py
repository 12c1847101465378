"""What the plugin says of itself."""

from guildbank.plugin_api import CAPTURE, Manifest, Slot
from guildbank_steampay.amounts import CURRENCIES
from guildbank_steampay.settings import HOST

ISSUER = "https://steamcommunity.com"
"""The issuer of the accounts by which players sign in with Steam."""

MANIFEST = Manifest(
    id="steam_wallet",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Steam wallet",
    capabilities=frozenset(
        {"refund", "cancel", "confirm", "dispute", "reports", "settlements", CAPTURE}
    ),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["publisher_key", "app_id"],
        "properties": {
            "publisher_key": {
                "type": "string",
                "title": "Publisher web-API key",
                "description": "Of a group of yours in Steamworks that contains the game.",
                "pattern": "^[0-9A-Fa-f]{32}$",
            },
            "app_id": {"type": "string", "title": "App id", "pattern": "^[1-9][0-9]{0,9}$"},
            "language": {
                "type": "string",
                "title": "Language of the packs' names",
                "description": "ISO 639-1.",
                "pattern": "^[a-z]{2}$",
                "default": "en",
            },
            "return_url": {
                "type": "string",
                "title": "Return page",
                "description": "Where players come back to from Steam's page when a purchase "
                "names no page.",
                "pattern": "^https?://[^\\s]+$",
                "maxLength": 500,
            },
            "lab_url": {
                "type": "string",
                "format": "uri",
                "title": "Lab",
                "description": "A lab that plays Steam; test tenants only.",
                "pattern": "^https?://[^/\\s]+$",
                "maxLength": 200,
            },
        },
    },
    account_settings=frozenset({"app_id"}),
    secret_fields=frozenset({"publisher_key"}),
    secrets_go_with=frozenset({"app_id", "lab_url"}),
    egress_hosts=(HOST, "*"),
    timeout_seconds=30,
    archived=(
        "appid",
        "orderid",
        "currency",
        "amount.0",
        "response.result",
        "response.error.errorcode",
        "response.params.orderid",
        "response.params.transid",
        "response.params.status",
        "response.params.currency",
    ),
    test_only_settings=frozenset({"lab_url"}),
    currencies=CURRENCIES,
    # An order whose chargeback was taken back looks as if there had been none.
    report_lines=frozenset({"capture", "refund", "dispute"}),
    confirmed_by="buyer",
    payer_issuer=ISSUER,
)
