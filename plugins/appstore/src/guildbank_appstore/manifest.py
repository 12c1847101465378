"""What the plugin says of itself."""

from guildbank.plugin_api import SUBSCRIPTIONS, Manifest, Slot
from guildbank_appstore.settings import HOSTS, LAB_ONLY

MANIFEST = Manifest(
    id="app_store",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Apple's App Store",
    capabilities=frozenset({"cancel", "confirm", "reports", SUBSCRIPTIONS, "usage", "webhook"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": [
            "private_key",
            "key_id",
            "issuer_id",
            "bundle_id",
            "app_apple_id",
            "products",
        ],
        "properties": {
            "private_key": {
                "type": "string",
                "title": "In-App Purchase key",
                "description": "The text of the .p8 file from App Store Connect.",
                "minLength": 100,
                "maxLength": 2_000,
            },
            "key_id": {"type": "string", "title": "Key id", "pattern": "^[A-Za-z0-9]{6,20}$"},
            "issuer_id": {
                "type": "string",
                "title": "Issuer id",
                "description": "Of In-App Purchase keys, in App Store Connect.",
                "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
            },
            "bundle_id": {
                "type": "string",
                "title": "Bundle id",
                "pattern": "^[A-Za-z0-9.-]{1,155}$",
            },
            "app_apple_id": {
                "type": "integer",
                "title": "Apple id of the app",
                "description": "The number of the app in the store.",
                "minimum": 1,
                "maximum": 2**53 - 1,
            },
            "products": {
                "type": "array",
                "title": "Products",
                "description": "Which product of the store sells which pack: a consumable one, or "
                "an auto-renewable subscription, each of whose periods is a pack.",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["pack", "product"],
                    "properties": {
                        "pack": {"type": "string", "pattern": "^[a-z]+_[0-9a-z]{26}$"},
                        "product": {"type": "string", "pattern": "^[A-Za-z0-9._]{1,100}$"},
                    },
                },
            },
            "reviewers": {
                "type": "array",
                "title": "Players of Apple's reviewers",
                "description": "Their purchases in Apple's sandbox are credited in a live tenant, "
                "marked as tests, with no money behind them.",
                "maxItems": 20,
                "items": {"type": "string", "pattern": "^player_[0-9a-z]{26}$"},
            },
            "credit_free_periods": {
                "type": "boolean",
                "title": "Credit free periods",
                "description": "Whether periods of subscriptions that the store gives away, such "
                "as free trials, credit their pack, with no money behind it.",
            },
            "lab_url": {
                "type": "string",
                "format": "uri",
                "title": "Lab",
                "description": "A lab that plays Apple; test tenants only.",
                "pattern": "^https?://[^/\\s]+$",
                "maxLength": 200,
            },
            "lab_root": {
                "type": "string",
                "title": "Root certificate of the lab",
                "description": "In PEM; test tenants only.",
                "maxLength": 4_000,
            },
        },
    },
    account_settings=frozenset({"app_apple_id", "bundle_id"}),
    secret_fields=frozenset({"private_key"}),
    secrets_go_with=frozenset({"key_id", "issuer_id", "bundle_id", "lab_url"}),
    egress_hosts=(*HOSTS, "*"),
    timeout_seconds=30,
    archived=("errorCode", "hasMore", "deliveryStatus", "consumptionPercentage"),
    test_only_settings=LAB_ONLY,
    confirmed_by="buyer",
    sold_by_store=True,
)
