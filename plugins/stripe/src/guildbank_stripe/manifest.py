"""What the plugin says of itself."""

from guildbank.plugin_api import PAYOUTS, SAVED_METHODS, Manifest, Slot
from guildbank_stripe.disputes import EVIDENCE_FIELDS
from guildbank_stripe.settings import KEYS

MANIFEST = Manifest(
    id="stripe",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Stripe",
    capabilities=frozenset(
        {
            "refund",
            "partial_refund",
            "cancel",
            "webhook",
            "dispute",
            "dispute_evidence",
            "settlements",
            SAVED_METHODS,
            PAYOUTS,
        }
    ),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["secret_key", "webhook_secret"],
        "properties": {
            "secret_key": {
                "type": "string",
                "title": "Secret key",
                "description": "sk_ or rk_; test tenants take test keys, live ones live keys.",
                "pattern": "^(sk|rk)_(test|live)_[A-Za-z0-9_]+$",
                "maxLength": 255,
            },
            "webhook_secret": {
                "type": "string",
                "title": "Webhook signing secret",
                "description": "Begins with whsec_; shown by Stripe beside the endpoint.",
                "minLength": 8,
                "maxLength": 255,
            },
            "api_base": {
                "type": "string",
                "title": "API address",
                "description": "Only for a test server in place of Stripe; test mode only.",
                "format": "uri",
                "pattern": "^https?://[^/]+$",
                "maxLength": 255,
            },
            "statement_descriptor_suffix": {
                "type": "string",
                "title": "Statement suffix",
                "description": "Follows your account's name on the player's card statement.",
                "pattern": "^[^<>\\\\'\"*]*[A-Za-z][^<>\\\\'\"*]*$",
                "maxLength": 22,
            },
            "bare_requests": {
                "type": "boolean",
                "title": "Bare requests",
                "description": "With an API address: leave out what a simple server refuses.",
                "default": False,
            },
        },
    },
    secret_fields=frozenset({"secret_key", "webhook_secret"}),
    secrets_go_with=frozenset({"api_base"}),
    test_only_settings=frozenset({"api_base", "bare_requests"}),
    # https://docs.stripe.com/keys
    mode_prefixes={"secret_key": dict(KEYS)},
    egress_hosts=("api.stripe.com", "*"),
    archived=(
        "id",
        "status",
        "amount",
        "amount_received",
        "currency",
        "payment_intent",
        "reason",
        "failure_reason",
        "evidence_details.due_by",
        "evidence_details.submission_count",
        "metadata.attempt",
        "metadata.refund",
        "next_action.type",
        "last_payment_error.code",
        "last_payment_error.decline_code",
        "error.type",
        "error.code",
        "error.decline_code",
        "error.param",
        "data.*.id",
        "data.*.status",
    ),
    # https://docs.stripe.com/api/request_ids
    request_id_header="Request-Id",
    timeout_seconds=30,
    evidence_fields=EVIDENCE_FIELDS,
)
