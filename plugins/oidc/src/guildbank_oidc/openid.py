"""A provider that speaks OpenID Connect: what Google, Apple and any other issuer have in common."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec.structs import replace

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    Manifest,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Verified,
)
from guildbank_oidc.authorization import Authorization, begin, read_code
from guildbank_oidc.discovery import Discovery, Metadata
from guildbank_oidc.keys import KeyRing
from guildbank_oidc.people import person, text
from guildbank_oidc.tokens import (
    ALGORITHMS,
    SKEW_SECONDS,
    Expected,
    IdToken,
    read_id_token,
    refuse,
)
from guildbank_oidc.wire import Client, choose_auth, exchange_code, fetch, text_of

LONGEST_LIFE = timedelta(days=7)
"""An asserted token that lives longer is not believed: its replay must be remembered as long."""


class OpenIdProvider:
    """Redirecting by the code flow, asserting by ID tokens that an app got from its SDK.

    A preset says in `self` what an issuer does in its own way; the rest is the standard's.
    """

    answers: Literal["query", "form_post"] = "query"
    also_named: Sequence[str] = ()
    """Further values of `iss` in tokens that mean this issuer."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._discovery = Discovery()
        self._keys = KeyRing()

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return self._manifest

    def issuer(self, context: SignInContext) -> str:
        """Return the issuer that the tenant trusts."""
        return str(context.settings["issuer"])

    def client_secret(self, context: SignInContext) -> str | None:
        """Return what proves to the token endpoint who we are; None for a public client."""
        secret = context.settings.get("client_secret")
        return None if secret is None else str(secret)

    def scope(self, context: SignInContext) -> str:
        """Return what is asked for."""
        return " ".join(context.settings.get("scopes", ("openid", "email", "profile")))

    def describe(self, identity: ExternalIdentity, params: Mapping[str, str]) -> ExternalIdentity:
        """Add what a provider says beside its tokens."""
        return identity

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        """Send the person to the issuer's authorization endpoint."""
        metadata = await self._discovery.look_up(context, self.issuer(context))
        return begin(context, request, self._authorization(context, metadata))

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        """Change the code into an ID token and believe that."""
        metadata = await self._discovery.look_up(context, self.issuer(context))
        code = read_code(answer, keep, self._authorization(context, metadata))
        if isinstance(code, Refusal):
            return code
        tokens = await exchange_code(
            context, self._client(context, metadata), metadata.token_endpoint, code,
            redirect_uri=context.redirect_uri, code_verifier=keep["verifier"],
        )  # fmt: skip
        if isinstance(tokens, Refusal):
            return tokens
        access_token = text(tokens, "access_token")
        expected = self._expected(context, metadata, self._client_id(context), keep["nonce"])
        token = await read_id_token(
            context, self._keys, text_of(tokens, "id_token"), expected, access_token
        )
        if isinstance(token, Refusal):
            return token
        claims = await self._all_claims(context, metadata, token, access_token)
        if isinstance(claims, Refusal):
            return claims
        known = person(metadata.issuer, token.claims["sub"], claims)
        asked = {name: claims[name] for name in context.claims if name in claims}
        return self.describe(replace(known, claims=asked), answer.params)

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Believe an ID token: `id_token`, and `nonce` where the app gave one to its SDK."""
        if "id_token" not in assertion:
            return refuse("bad_assertion")
        metadata = await self._discovery.look_up(context, self.issuer(context))
        audiences = (self._client_id(context), *context.settings.get("audiences", ()))
        wrong = refuse("bad_assertion")
        for audience in audiences:
            expected = self._expected(context, metadata, audience, assertion.get("nonce"))
            token = await read_id_token(context, self._keys, assertion["id_token"], expected)
            if isinstance(token, IdToken):
                return as_verified(context, metadata.issuer, token)
            wrong = token
            if wrong.code != "wrong_audience":
                break
        return wrong

    async def test_connection(self, context: SignInContext) -> str:
        """Return a sentence that says which issuer answered; raises NoAnswer."""
        metadata = await self._discovery.look_up(context, self.issuer(context))
        await fetch(context, metadata.jwks_uri)
        return f"{metadata.issuer} answered with its endpoints and keys."

    def _client_id(self, context: SignInContext) -> str:
        return str(context.settings["client_id"])

    def _client(self, context: SignInContext, metadata: Metadata) -> Client:
        secret = self.client_secret(context)
        method = choose_auth(secret, metadata.token_endpoint_auth_methods_supported)
        return Client(client_id=self._client_id(context), client_secret=secret, auth_method=method)

    def _authorization(self, context: SignInContext, metadata: Metadata) -> Authorization:
        return Authorization(
            endpoint=metadata.authorization_endpoint,
            client_id=self._client_id(context),
            scope=self.scope(context),
            issuer=metadata.issuer,
            says_issuer=metadata.authorization_response_iss_parameter_supported,
            answers=self.answers,
        )

    def _expected(
        self, context: SignInContext, metadata: Metadata, audience: str, nonce: str | None
    ) -> Expected:
        return Expected(
            issuers=(metadata.issuer, *self.also_named),
            audience=audience,
            jwks_uri=metadata.jwks_uri,
            algorithms=metadata.id_token_signing_alg_values_supported or ALGORITHMS,
            nonce=nonce,
        )

    async def _all_claims(
        self,
        context: SignInContext,
        metadata: Metadata,
        token: IdToken,
        access_token: str | None,
    ) -> Mapping[str, Any] | Refusal:
        """Return the token's claims, and the user-info endpoint's where those leave questions."""
        named = "email" in token.claims or "name" in token.claims
        if named and not set(context.claims) - _OF_THE_SIGN_IN - token.claims.keys():
            return token.claims
        if metadata.userinfo_endpoint is None or access_token is None:
            return token.claims
        told = await fetch(context, metadata.userinfo_endpoint, bearer=access_token)
        # Section 5.3.2: told of another person, it must not be used.
        if told.get("sub") != token.claims["sub"]:
            return _OTHER
        of_person = {name: told[name] for name in told if name not in _OF_THE_SIGN_IN}
        return {**of_person, **token.claims}


_OF_THE_SIGN_IN = frozenset({"acr", "amr", "auth_time"})
"""Claims about how and when somebody signed in, which only a token of that sign-in can say."""
_OTHER = Refusal(
    code="forged_assertion",
    detail="The provider's user-info is of another person than its ID token.",
)


def as_verified(context: SignInContext, issuer: str, token: IdToken) -> Verified | Refusal:
    """Return what an asserted token says, and until when its replay must be refused."""
    until = datetime.fromtimestamp(int(token.claims["exp"]), UTC)
    until += timedelta(seconds=SKEW_SECONDS + 1)
    if until - context.now > LONGEST_LIFE:
        return refuse("future_assertion")
    identity = person(issuer, token.claims["sub"], token.claims)
    return Verified(identity=identity, once=token.once, until=until)
