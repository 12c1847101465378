"""The plugin `play-games`: Google Play Games by the server auth code that an Android game gets.

Source: developer.android.com, Server-side access to Google Play Games Services, and the REST
method applications.verify.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity, Manifest, SignInContext, Slot, Verified
from guildbank_oidc.authorization import MAX_CODE
from guildbank_oidc.profile import client_of
from guildbank_oidc.settings import CLIENT_ID, CLIENT_SECRET, schema
from guildbank_oidc.wire import exchange_code, fetch, text_of

ISSUER = "https://games.googleapis.com"
_TOKENS = "https://oauth2.googleapis.com/token"
CODE_LIFE = timedelta(hours=1)
"""Google takes a code once and soon; ours is the second lock."""

_NO_CODE = Refusal(
    code="bad_assertion",
    detail="The server auth code is missing or too long.",
    field="server_auth_code",
)


class PlayGames:
    """Players of Google Play Games: the assertion has the one field `server_auth_code`."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Change the code into a token, and have Google say for whom and for which game it is."""
        code = assertion.get("server_auth_code", "")
        if not 0 < len(code) <= MAX_CODE or not (code.isascii() and code.isprintable()):
            return _NO_CODE
        tokens = await exchange_code(
            context, client_of(context.settings), _TOKENS, code, redirect_uri=""
        )
        if isinstance(tokens, Refusal):
            return tokens
        game = context.settings["application_id"]
        player = await fetch(
            context,
            f"{ISSUER}/games/v1/applications/{game}/verify",
            bearer=text_of(tokens, "access_token"),
        )
        return Verified(
            identity=ExternalIdentity(issuer=ISSUER, subject=text_of(player, "player_id")),
            once=sha256(code.encode()).hexdigest(),
            until=context.now + CODE_LIFE,
        )


MANIFEST = Manifest(
    id="play-games",
    version="0.1.0",
    slot=Slot.IDENTITY,
    title="Google Play Games",
    capabilities=frozenset({"asserting"}),
    settings_schema=schema(
        ("client_id", "client_secret", "application_id"),
        client_id={**CLIENT_ID, "description": "Of the game server's credential, type web."},
        client_secret=CLIENT_SECRET,
        application_id={
            "type": "string",
            "title": "Application id",
            "description": "The game's number in the Play Console.",
            "pattern": "^[0-9]{1,20}$",
        },
    ),
    secret_fields=frozenset({"client_secret"}),
    secrets_go_with=frozenset({"client_id"}),
    egress_hosts=("oauth2.googleapis.com", "games.googleapis.com"),
    timeout_seconds=20,
)

PLUGIN = PlayGames()
