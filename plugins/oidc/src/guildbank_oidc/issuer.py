"""The plugin `oidc`: any issuer of OpenID Connect that a tenant names."""

from guildbank.plugin_api import Manifest, Slot
from guildbank_oidc.openid import OpenIdProvider
from guildbank_oidc.settings import AUDIENCES, CLIENT_ID, CLIENT_SECRET, schema

MANIFEST = Manifest(
    id="oidc",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="OpenID Connect",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema=schema(
        ("issuer", "client_id"),
        issuer={
            "type": "string",
            "title": "Issuer",
            "description": "Exactly as in its tokens; its metadata lies below this address.",
            "format": "uri",
            "pattern": "^https?://[!-~]+$",
            "maxLength": 512,
        },
        client_id=CLIENT_ID,
        client_secret={**CLIENT_SECRET, "description": "Left out for a public client."},
        scopes={
            "type": "array",
            "title": "Scopes",
            "default": ["openid", "email", "profile"],
            "contains": {"const": "openid"},
            "maxItems": 16,
            "items": {"type": "string", "pattern": "^[!#-\\[\\]-~]+$", "maxLength": 128},
        },
        audiences=AUDIENCES,
        endpoint_hosts={
            "type": "array",
            "title": "Hosts of endpoints",
            "description": "Where token, key and user-info endpoints lie on other hosts.",
            "maxItems": 8,
            "items": {"type": "string", "format": "hostname", "maxLength": 253},
        },
    ),
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id", "issuer"}),
    egress_hosts=("*",),
    timeout_seconds=20,
)

PLUGIN = OpenIdProvider(MANIFEST)
