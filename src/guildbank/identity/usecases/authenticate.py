"""Find out who calls from the headers of a request: a machine, a player, or the deployment."""

from collections.abc import Mapping

from guildbank.identity.contracts import (
    ADDRESS_NOT_ALLOWED,
    BAD_KEY,
    BAD_TOKEN,
    NOT_WITH_PUBLISHABLE,
    SECRET_IN_CLIENT_HEADER,
    TENANT_MISMATCH,
)
from guildbank.identity.usecases import Identity
from guildbank.infra.http import DEPLOYMENT_SCOPE, UNKNOWN_ADDRESS, Caller, ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

CLIENT_HEADER = "x-guildbank-key"
DEPLOYMENT_SCOPES = frozenset({DEPLOYMENT_SCOPE, "keys:read", "keys:write"})


class Authenticator:
    """`infra.http.Authenticate` over the keys and tokens of this room."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def __call__(
        self, headers: Mapping[str, str], path: str, address: ClientAddress = UNKNOWN_ADDRESS
    ) -> Caller | Refusal | None:
        """Return the caller, a refusal of what was sent, or None when nothing was.

        A key that may be used from some networks only is refused at an unknown address.

        Refusals: `unauthorized`, `tenant_mismatch`, `address_not_allowed`, `too_busy`.
        """
        named = await self.named_tenant(headers)
        if isinstance(named, Refusal):
            return named
        sent = headers.get("authorization")
        if sent is None:
            return None
        method, _, token = sent.partition(" ")
        if method.lower() != "bearer" or not token:
            return BAD_KEY
        caller = await self._caller(token.strip(), address)
        if isinstance(caller, Refusal) or named is None or caller.tenant is None:
            return caller
        return caller if caller.tenant.id == named.id else TENANT_MISMATCH

    async def named_tenant(self, headers: Mapping[str, str]) -> TenantRef | Refusal | None:
        """Return the tenant that the publishable key names, if one was sent.

        Refusals: `unauthorized`, `too_busy`.
        """
        sent = headers.get(CLIENT_HEADER)
        if sent is None:
            return None
        if sent.startswith("sk_"):
            return SECRET_IN_CLIENT_HEADER
        key = await self._identity.keys.recognise(sent)
        if isinstance(key, Refusal):
            return key
        if key is None or key.kind != "publishable" or key.tenant_id is None:
            return BAD_KEY
        return await self._identity.tenants.by_id(key.tenant_id) or BAD_KEY

    async def _caller(self, token: str, address: ClientAddress) -> Caller | Refusal:
        if token.startswith("pk_"):
            return NOT_WITH_PUBLISHABLE
        if token.startswith("sk_"):
            return await self._machine(token, address)
        return await self._player(token)

    async def _machine(self, token: str, address: ClientAddress) -> Caller | Refusal:
        key = await self._identity.keys.recognise(token)
        if isinstance(key, Refusal):
            return key
        if key is None or key.kind != "secret":
            return BAD_KEY
        # Only who holds the token gets here, so a stranger who guesses does not learn of the list.
        if key.networks and not address.within(key.networks):
            return ADDRESS_NOT_ALLOWED
        if key.tenant_id is None:
            return Caller(
                kind="deployment",
                principal=key.application,
                scopes=DEPLOYMENT_SCOPES,
                allowed_addresses=key.allowed_addresses,
            )
        tenant = await self._identity.tenants.by_id(key.tenant_id)
        if tenant is None:
            return BAD_KEY
        return Caller(
            kind="machine",
            principal=key.application,
            tenant=tenant,
            scopes=key.scopes,
            allowed_addresses=key.allowed_addresses,
        )

    async def _player(self, token: str) -> Caller | Refusal:
        claims = await self._identity.tokens.read(token)
        if claims is None:
            return BAD_TOKEN
        tenant = await self._identity.tenants.by_id(claims.tenant_id)
        if tenant is None:
            return BAD_TOKEN
        return Caller(
            kind="player",
            principal=claims.player_id,
            tenant=tenant,
            player_id=claims.player_id,
            country=claims.country,
        )
