"""What the plugin says of itself."""

from guildbank.plugin_api import SUBSCRIPTIONS, Manifest, Slot
from guildbank_googleplay.settings import HOSTS, LAB_ONLY

_MAX_KEY = 5_000
MANIFEST = Manifest(
    id="google_play",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Google Play",
    capabilities=frozenset(
        {"cancel", "confirm", "finish", "refund", "reports", SUBSCRIPTIONS, "webhook"}
    ),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["service_account", "package_name", "products"],
        "properties": {
            "service_account": {
                "type": "string",
                "title": "Key of the service account",
                "description": "The text of the JSON file from Google Cloud.",
                "minLength": 100,
                "maxLength": _MAX_KEY,
            },
            "package_name": {
                "type": "string",
                "title": "Package name",
                "pattern": "^[A-Za-z][A-Za-z0-9_]*(\\.[A-Za-z0-9_]+)+$",
                "maxLength": 150,
            },
            "products": {
                "type": "array",
                "title": "Products",
                "description": "Which product of the store sells which pack: a one-time one, or a "
                "subscription, each of whose periods is a pack.",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["pack", "product"],
                    "properties": {
                        "pack": {"type": "string", "pattern": "^[a-z]+_[0-9a-z]{26}$"},
                        "product": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._]{0,149}$"},
                    },
                },
            },
            "push_email": {
                "type": "string",
                "title": "Service account of the push subscription",
                "description": "Who signs Google's notifications. Without it none is believed.",
                "pattern": "^[^@\\s]{1,100}@[^@\\s]{1,100}$",
            },
            "push_audience": {
                "type": "string",
                "title": "Audience of the push subscription",
                "description": "Where it is another than the address of the webhook.",
                "minLength": 1,
                "maxLength": 300,
            },
            "credit_free_periods": {
                "type": "boolean",
                "title": "Credit free periods",
                "description": "Whether periods of subscriptions for which nobody pays, such as "
                "free trials, credit their pack, with no money behind it.",
            },
            "reviewers": {
                "type": "array",
                "title": "Players of reviewers and license testers",
                "description": "Their test purchases are credited in a live tenant, marked as "
                "tests, with no money behind them.",
                "maxItems": 20,
                "items": {"type": "string", "pattern": "^player_[0-9a-z]{26}$"},
            },
            "lab_url": {
                "type": "string",
                "format": "uri",
                "title": "Lab",
                "description": "A lab that plays Google; test tenants only.",
                "pattern": "^https?://[^/\\s]+$",
                "maxLength": 200,
            },
        },
    },
    account_settings=frozenset({"package_name"}),
    secret_fields=frozenset({"service_account"}),
    secrets_go_with=frozenset({"package_name", "lab_url"}),
    egress_hosts=(*HOSTS, "*"),
    timeout_seconds=30,
    archived=(
        "acknowledgementState",
        "error.code",
        "error.status",
        "orderId",
        "purchaseStateContext.purchaseState",
        "regionCode",
        "state",
    ),
    test_only_settings=LAB_ONLY,
    confirmed_by="buyer",
    sold_by_store=True,
)
