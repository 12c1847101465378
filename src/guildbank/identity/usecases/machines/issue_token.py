"""Give an application an access token for its key: OAuth 2, client credentials (RFC 6749, 4.4)."""

import hmac
from collections.abc import Collection
from datetime import datetime

import msgspec

from guildbank.identity.usecases import Identity
from guildbank.infra.http import ClientAddress
from guildbank.kernel import Refusal

_INVALID = "The application or its secret key is not valid here."
INVALID_CLIENT = Refusal(code="invalid_client", detail=_INVALID)


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What an application asks with: its id, a secret key, and the scopes (None: all of them)."""

    client_id: str
    client_secret: str
    scopes: Collection[str] | None = None


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that lives ten minutes, and ends with its key if that is sooner."""

    token: str
    expires_at: datetime
    scopes: frozenset[str]


async def issue_access_token(
    identity: Identity, credentials: ClientCredentials, address: ClientAddress
) -> AccessToken | Refusal:
    """Return an access token with at most the key's scopes.

    Refusals are OAuth's: `invalid_client`, also from an address that the key does not allow,
    `unauthorized_client` for a key of the deployment, `invalid_scope`, `temporarily_unavailable`.
    """
    key = await identity.keys.recognise(credentials.client_secret)
    if isinstance(key, Refusal):
        return Refusal(code="temporarily_unavailable", detail=key.detail)
    if key is None or key.kind != "secret":
        return INVALID_CLIENT
    if not hmac.compare_digest(key.application.encode(), credentials.client_id.encode()):
        return INVALID_CLIENT
    if key.networks and not address.within(key.networks):
        return Refusal(
            code="invalid_client",
            detail="The key is valid, but not from the address of this request.",
        )
    if key.tenant_id is None:
        return Refusal(
            code="unauthorized_client", detail="A key of the deployment is used as it is."
        )
    tenant = await identity.tenants.by_id(key.tenant_id)
    if tenant is None:
        return INVALID_CLIENT
    wanted = key.scopes if credentials.scopes is None else frozenset(credentials.scopes)
    lacking = sorted(wanted - key.scopes)
    if lacking or not wanted:
        what = f"The key lacks the scope {lacking[0][:64]!r}." if lacking else "Name a scope."
        return Refusal(code="invalid_scope", detail=what)
    minted = await identity.tokens.mint_for_machine(tenant, key, wanted)
    return AccessToken(token=minted.token, expires_at=minted.expires_at, scopes=wanted)
