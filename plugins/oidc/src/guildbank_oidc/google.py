"""The plugin `google`: accounts of Google, on the web and by ID tokens of its SDKs."""

from guildbank.plugin_api import Manifest, SignInContext, Slot
from guildbank_oidc.openid import OpenIdProvider
from guildbank_oidc.settings import AUDIENCES, CLIENT_ID, CLIENT_SECRET, schema

ISSUER = "https://accounts.google.com"


class Google(OpenIdProvider):
    """Google writes its name with and without the scheme (developers.google.com/identity)."""

    also_named = ("accounts.google.com",)

    def issuer(self, context: SignInContext) -> str:
        """Return Google."""
        return ISSUER


MANIFEST = Manifest(
    id="google",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Google",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema=schema(
        ("client_id", "client_secret"),
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        audiences=AUDIENCES,
    ),
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id"}),
    egress_hosts=(
        "accounts.google.com",
        "oauth2.googleapis.com",
        "www.googleapis.com",
        "openidconnect.googleapis.com",
    ),
    timeout_seconds=20,
)

PLUGIN = Google(MANIFEST)
