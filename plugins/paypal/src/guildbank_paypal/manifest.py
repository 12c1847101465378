"""What the plugin says of itself."""

from guildbank.plugin_api import PAYOUTS, Manifest, Slot
from guildbank_paypal.amounts import CURRENCIES

MANIFEST = Manifest(
    id="paypal",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="PayPal",
    capabilities=frozenset(
        {"refund", "partial_refund", "cancel", "webhook", "dispute", "settlements", PAYOUTS}
    ),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["client_id", "client_secret", "webhook_id"],
        "properties": {
            "client_id": {
                "type": "string",
                "title": "Client ID",
                "description": "Of your app in PayPal's developer dashboard; sandbox or live.",
                "pattern": "^[A-Za-z0-9_-]{8,200}$",
            },
            "client_secret": {
                "type": "string",
                "title": "Client secret",
                "description": "Of the same app.",
                "pattern": "^[A-Za-z0-9_-]{8,200}$",
            },
            "webhook_id": {
                "type": "string",
                "title": "Webhook ID",
                "description": "Shown by PayPal beside the webhook; signatures are made for it.",
                "pattern": "^[A-Za-z0-9-]{4,50}$",
            },
            "brand_name": {
                "type": "string",
                "title": "Brand name",
                "description": "What the player reads on PayPal's page in place of your account's.",
                "minLength": 1,
                "maxLength": 127,
            },
            "return_url": {
                "type": "string",
                "title": "Return page",
                "description": "Where PayPal leads the player when a purchase names no page.",
                "pattern": "^https?://[^\\s]+$",
                "maxLength": 1000,
            },
            "lab_url": {
                "type": "string",
                "title": "Lab address",
                "description": "A server that plays PayPal; test tenants only.",
                "format": "uri",
                "pattern": "^https?://[^/]+$",
                "maxLength": 255,
            },
            "trust_root": {
                "type": "string",
                "title": "Lab's root certificate",
                "description": "PEM that the lab's signing certificate chains to; test tenants.",
                "pattern": "^-----BEGIN CERTIFICATE-----",
                "maxLength": 8000,
            },
        },
    },
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id", "lab_url"}),
    test_only_settings=frozenset({"lab_url", "trust_root"}),
    archived=(
        "id",
        "status",
        "intent",
        "name",
        "debug_id",
        "details.*.issue",
        "details.*.field",
        "amount.value",
        "amount.currency_code",
        "custom_id",
        "status_details.reason",
        "purchase_units.*.custom_id",
        "purchase_units.*.amount.value",
        "purchase_units.*.amount.currency_code",
        "purchase_units.*.payments.captures.*.id",
        "purchase_units.*.payments.captures.*.status",
        "purchase_units.*.payments.captures.*.amount.value",
        "purchase_units.*.payments.refunds.*.id",
        "purchase_units.*.payments.refunds.*.status",
    ),
    # https://developer.paypal.com/api/rest/responses/
    request_id_header="PayPal-Debug-Id",
    egress_hosts=(
        "api-m.paypal.com",
        "api.paypal.com",
        "api-m.sandbox.paypal.com",
        "api.sandbox.paypal.com",
        "*",
    ),
    currencies=CURRENCIES,
    timeout_seconds=30,
)
