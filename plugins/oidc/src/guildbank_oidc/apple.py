"""The plugin `apple`: Sign in with Apple, on the web and by identity tokens of apps.

Source: developer.apple.com, Sign in with Apple REST API: the client secret is a JWT signed with
the team's key; asked for name or email, Apple posts its answer as a form; the name comes once.
"""

from collections.abc import Mapping

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from guildbank.plugin_api import ExternalIdentity, Manifest, SignInContext, Slot
from guildbank_oidc.openid import OpenIdProvider
from guildbank_oidc.settings import AUDIENCES, CLIENT_ID, schema

ISSUER = "https://appleid.apple.com"
SECRET_SECONDS = 300
"""Apple takes up to six months; ours is made for one request."""


class _Name(msgspec.Struct, frozen=True, rename="camel"):
    first_name: str = ""
    last_name: str = ""


class _User(msgspec.Struct, frozen=True):
    name: _Name = _Name()


class Apple(OpenIdProvider):
    """OpenID Connect with Apple's own secret, answer and name."""

    answers = "form_post"

    def issuer(self, context: SignInContext) -> str:
        """Return Apple."""
        return ISSUER

    def scope(self, context: SignInContext) -> str:
        """Return what Apple knows of a person."""
        return "openid name email"

    def client_secret(self, context: SignInContext) -> str | None:
        """Sign a secret for this request."""
        settings, issued = context.settings, int(context.now.timestamp())
        return jwt.encode(
            {"alg": "ES256", "kid": settings["key_id"]},
            {
                "iss": settings["team_id"],
                "iat": issued,
                "exp": issued + SECRET_SECONDS,
                "aud": ISSUER,
                "sub": settings["client_id"],
            },
            ECKey.import_key(str(settings["private_key"])),
        )

    def describe(self, identity: ExternalIdentity, params: Mapping[str, str]) -> ExternalIdentity:
        """Add the name, which comes beside the token at the first time.

        Nothing signs it: it is what the person calls themselves, and an email beside it is none.
        """
        try:
            user = msgspec.json.decode(params.get("user", "{}"), type=_User)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return identity
        full = f"{user.name.first_name} {user.name.last_name}".strip()
        return msgspec.structs.replace(identity, name=full or identity.name)


MANIFEST = Manifest(
    id="apple",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Apple",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema=schema(
        ("client_id", "team_id", "key_id", "private_key"),
        client_id={**CLIENT_ID, "description": "The Services ID."},
        team_id={"type": "string", "title": "Team id", "pattern": "^[A-Z0-9]{10}$"},
        key_id={"type": "string", "title": "Key id", "pattern": "^[A-Z0-9]{10}$"},
        private_key={
            "type": "string",
            "title": "Private key",
            "description": "The whole .p8 file, with its first and last line.",
            "pattern": "^-----BEGIN PRIVATE KEY-----\\s",
            "maxLength": 2048,
        },
        audiences={**AUDIENCES, "description": "Bundle ids of apps that hand over their token."},
    ),
    secret_fields=frozenset({"private_key"}),
    egress_hosts=("appleid.apple.com",),
    timeout_seconds=20,
)

PLUGIN = Apple(MANIFEST)
