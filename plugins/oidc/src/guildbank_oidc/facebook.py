"""The plugin `facebook`: OAuth 2 with the Graph API, and ID tokens of Limited Login.

Source: developers.facebook.com, Facebook Login: manual flow, securing Graph API requests, and
OIDC Token for Limited Login.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity, Manifest, SignInContext, Slot, Verified
from guildbank_oidc.authorization import Authorization
from guildbank_oidc.keys import KeyRing
from guildbank_oidc.openid import as_verified
from guildbank_oidc.people import text
from guildbank_oidc.profile import ProfileProvider
from guildbank_oidc.settings import CLIENT_ID, CLIENT_SECRET, schema
from guildbank_oidc.tokens import Expected, read_id_token, refuse
from guildbank_oidc.wire import fetch, text_of

ISSUER = "https://www.facebook.com"
_ALSO_NAMED = ("https://facebook.com", "https://limited.facebook.com")
_GRAPH = "https://graph.facebook.com"
_KEYS = "https://limited.facebook.com/.well-known/oauth/openid/jwks/"
_VERSION = "v24.0"


class Facebook(ProfileProvider):
    """Accounts of Facebook. Ids are of the app: another app's are other people's."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._keys = KeyRing()

    def authorization(self, context: SignInContext) -> Authorization:
        """Return Facebook's dialog."""
        return Authorization(
            endpoint=f"{ISSUER}/{_version(context)}/dialog/oauth",
            client_id=context.settings["client_id"],
            scope="public_profile email",
            issuer=ISSUER,
        )

    def token_endpoint(self, context: SignInContext) -> str:
        """Return the Graph API's token endpoint."""
        return f"{_GRAPH}/{_version(context)}/oauth/access_token"

    async def look_up(self, context: SignInContext, access_token: str) -> ExternalIdentity:
        """Ask for the account, with the proof that we hold the app's secret.

        Facebook does not say whether an email is verified, so it is not.
        """
        secret = str(context.settings["client_secret"]).encode()
        proof = hmac.new(secret, access_token.encode(), "sha256").hexdigest()
        query = urlencode({"fields": "id,name,email", "appsecret_proof": proof})
        url = f"{_GRAPH}/{_version(context)}/me?{query}"
        user = await fetch(context, url, bearer=access_token)
        return ExternalIdentity(
            issuer=ISSUER,
            subject=text_of(user, "id"),
            email=text(user, "email"),
            name=text(user, "name"),
        )

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Believe a Limited Login token: `id_token`, and `nonce` where the app gave one."""
        if "id_token" not in assertion:
            return refuse("bad_assertion")
        expected = Expected(
            issuers=(ISSUER, *_ALSO_NAMED),
            audience=context.settings["client_id"],
            jwks_uri=_KEYS,
            nonce=assertion.get("nonce"),
        )
        token = await read_id_token(context, self._keys, assertion["id_token"], expected)
        return token if isinstance(token, Refusal) else as_verified(context, ISSUER, token)


def _version(context: SignInContext) -> str:
    return str(context.settings.get("graph_version", _VERSION))


MANIFEST = Manifest(
    id="facebook",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Facebook",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema=schema(
        ("client_id", "client_secret"),
        client_id={**CLIENT_ID, "title": "App id", "pattern": "^[0-9]+$"},
        client_secret={**CLIENT_SECRET, "title": "App secret"},
        graph_version={
            "type": "string",
            "title": "Version of the Graph API",
            "pattern": "^v[0-9]{1,3}\\.0$",
            "default": _VERSION,
        },
    ),
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id"}),
    egress_hosts=("graph.facebook.com", "limited.facebook.com"),
    timeout_seconds=20,
)

PLUGIN = Facebook(MANIFEST)
