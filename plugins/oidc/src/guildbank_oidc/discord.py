"""The plugin `discord`: OAuth 2 and `GET /users/@me` (docs.discord.com, topics/oauth2)."""

from guildbank.plugin_api import ExternalIdentity, Manifest, SignInContext, Slot
from guildbank_oidc.authorization import Authorization
from guildbank_oidc.people import text
from guildbank_oidc.profile import ProfileProvider
from guildbank_oidc.settings import CLIENT_ID, CLIENT_SECRET, schema
from guildbank_oidc.wire import fetch, text_of

ISSUER = "https://discord.com"


class Discord(ProfileProvider):
    """Accounts of Discord."""

    def authorization(self, context: SignInContext) -> Authorization:
        """Return Discord's page."""
        return Authorization(
            endpoint=f"{ISSUER}/oauth2/authorize",
            client_id=context.settings["client_id"],
            scope="identify email",
            issuer=ISSUER,
        )

    def token_endpoint(self, context: SignInContext) -> str:
        """Return Discord's token endpoint."""
        return f"{ISSUER}/api/oauth2/token"

    async def look_up(self, context: SignInContext, access_token: str) -> ExternalIdentity:
        """Ask for the account; its id is a snowflake, as text."""
        user = await fetch(context, f"{ISSUER}/api/v10/users/@me", bearer=access_token)
        subject, email, avatar = text_of(user, "id"), text(user, "email"), text(user, "avatar")
        picture = f"https://cdn.discordapp.com/avatars/{subject}/{avatar}.png"
        return ExternalIdentity(
            issuer=ISSUER,
            subject=subject,
            email=email,
            email_verified=email is not None and user.get("verified") is True,
            name=text(user, "global_name") or text(user, "username"),
            locale=text(user, "locale"),
            picture=None if avatar is None else picture,
        )


MANIFEST = Manifest(
    id="discord",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Discord",
    capabilities=frozenset({"redirecting"}),
    settings_schema=schema(
        ("client_id", "client_secret"),
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    ),
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id"}),
    egress_hosts=("discord.com",),
    timeout_seconds=20,
)

PLUGIN = Discord(MANIFEST)
