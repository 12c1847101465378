"""A provider that speaks OAuth 2 and tells who a person is by a call: Discord and Facebook."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    Manifest,
    SignInAnswer,
    SignInContext,
    SignInRequest,
)
from guildbank_oidc.authorization import Authorization, begin, read_code
from guildbank_oidc.wire import Client, exchange_code, text_of


class ProfileProvider(ABC):
    """Redirecting by the code flow with PKCE; a subclass knows the endpoints and the profile.

    There is no nonce to check without an ID token: the code is bound to this sign-in by PKCE, and
    the access token comes from the provider itself and goes to nobody.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return self._manifest

    @abstractmethod
    def authorization(self, context: SignInContext) -> Authorization:
        """Return where a person says yes."""

    @abstractmethod
    def token_endpoint(self, context: SignInContext) -> str:
        """Return where a code is changed."""

    @abstractmethod
    async def look_up(self, context: SignInContext, access_token: str) -> ExternalIdentity:
        """Return whose token it is; raises NoAnswer."""

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        """Send the person to the provider."""
        return begin(context, request, self.authorization(context))

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        """Change the code into an access token and ask whose it is."""
        code = read_code(answer, keep, self.authorization(context))
        if isinstance(code, Refusal):
            return code
        tokens = await exchange_code(
            context, client_of(context.settings), self.token_endpoint(context), code,
            redirect_uri=context.redirect_uri, code_verifier=keep["verifier"],
        )  # fmt: skip
        if isinstance(tokens, Refusal):
            return tokens
        return await self.look_up(context, text_of(tokens, "access_token"))


def client_of(settings: Mapping[str, Any]) -> Client:
    """Return our side, with the secret in the form."""
    return Client(
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
        auth_method="client_secret_post",
    )
