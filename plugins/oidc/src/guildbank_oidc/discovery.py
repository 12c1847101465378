"""Finds an issuer's endpoints from its address (OpenID Connect Discovery 1.0)."""

from datetime import timedelta

import msgspec
from authlib.oidc.discovery import get_well_known_url

from guildbank.plugin_api import NoAnswer, SignInContext
from guildbank_oidc.memory import Memory
from guildbank_oidc.wire import fetch

LIFETIME = timedelta(hours=1)


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What an issuer says of itself; names as in its document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False


class Discovery:
    """Looks issuers up, each once an hour for each tenant."""

    def __init__(self) -> None:
        self._known: Memory[Metadata] = Memory(LIFETIME)

    async def look_up(self, context: SignInContext, issuer: str) -> Metadata:
        """Return the issuer's metadata; raises NoAnswer when it does not describe this issuer."""
        known = self._known.get(context.tenant, issuer, context.now)
        if known is not None:
            return known
        document = await fetch(context, get_well_known_url(issuer, external=True))
        try:
            metadata = msgspec.convert(document, type=Metadata)
        except msgspec.ValidationError as error:
            raise NoAnswer(f"the issuer's metadata cannot be used: {error}") from None
        if metadata.issuer != issuer:
            raise NoAnswer("the metadata at this issuer's address is of another issuer")
        # The person's browser is sent there, and the core's client judges only its own requests.
        if not metadata.authorization_endpoint.startswith(
            "https://" if issuer.startswith("https://") else ("https://", "http://")
        ):
            raise NoAnswer("the issuer's authorization endpoint is no https address")
        self._known.put(context.tenant, issuer, context.now, metadata)
        return metadata
