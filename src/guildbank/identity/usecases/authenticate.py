"""Find out who calls from the headers of a request: a machine, a player, an operator."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from guildbank.identity.contracts.machines import (
    ACCESS_TOKEN_ENDED,
    ADDRESS_NOT_ALLOWED,
    BAD_KEY,
    NOT_WITH_PUBLISHABLE,
    SECRET_IN_CLIENT_HEADER,
    TENANT_MISMATCH,
    TENANT_REQUIRED,
    TWO_CREDENTIALS,
    UNKNOWN_HOST,
    KnownKey,
)
from guildbank.identity.contracts.players import barred_by
from guildbank.identity.contracts.sign_in import BAD_TOKEN, SESSION_ENDED
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.keep_session import know_session
from guildbank.identity.usecases.operators.staff import LOOPBACK
from guildbank.identity.usecases.sign_tokens import MachineClaims, PlayerClaims
from guildbank.infra.http import DEPLOYMENT_SCOPE, UNKNOWN_ADDRESS, Caller, ClientAddress
from guildbank.infra.http.csrf import CSRF_HEADER
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.tenancy import read_host

CLIENT_HEADER = "x-guildbank-key"
DEPLOYMENT_SCOPES = frozenset({DEPLOYMENT_SCOPE, "audit:read", "keys:read", "keys:write"})


FRESH = timedelta(minutes=10)
"""So long after a sign-in or step-up a player may change what the account is entered by."""


class Authenticator:
    """`infra.http.Authenticate` over the keys and tokens of this room.

    `hosts` are the deployment's own, which lead to no tenant in particular; `default` is the slug
    of the tenant of requests that name none.
    """

    def __init__(
        self, identity: Identity, hosts: Collection[str] = (), default: str | None = None
    ) -> None:
        self._identity = identity
        self._hosts = LOOPBACK.union(hosts)
        self._default = default

    async def __call__(
        self, headers: Mapping[str, str], path: str, address: ClientAddress = UNKNOWN_ADDRESS
    ) -> Caller | Refusal | None:
        """Return the caller, a refusal of what was sent, or None when nothing was.

        A key that may be used from some networks only is refused at an unknown address.

        Refusals: `unauthorized`, `session_ended`, `player_suspended`, `player_closed`,
        `tenant_mismatch`, `address_not_allowed`, `too_busy`, `operator_suspended`, and for players
        and operators `not_found` at an unknown host.
        """
        named = await self.named_tenant(headers)
        if isinstance(named, Refusal):
            return named
        sent = headers.get("authorization")
        cookie = read_cookie(headers, self._identity.staff.cookie)
        if sent is None:
            if isinstance(cookie, str):
                return await self._operator(headers, cookie, named)
            return cookie
        # A program names who calls, and a browser sends the console's cookie along unasked: the
        # one who is named acts. Beside the token of the console's own page it would be both.
        if cookie is not None and CSRF_HEADER in headers:
            return TWO_CREDENTIALS
        method, _, token = sent.partition(" ")
        if method.lower() != "bearer" or not token:
            return BAD_KEY
        caller = await self._caller(token.strip(), address)
        if isinstance(caller, Refusal) or caller.tenant is None:
            return caller
        hosted = await self._hosted_tenant(headers)
        if isinstance(hosted, Refusal):
            if caller.kind == "player":
                return hosted
            # A game server may call by any name that its network has for this one.
            hosted = None
        differs = any(one is not None and one.id != caller.tenant.id for one in (named, hosted))
        return TENANT_MISMATCH if differs else caller

    async def _operator(
        self, headers: Mapping[str, str], cookie: str, named: TenantRef | None
    ) -> Caller | Refusal:
        hosted = await self._hosted_tenant(headers)
        if isinstance(hosted, Refusal):
            return hosted
        known = await know_session(self._identity, cookie)
        if isinstance(known, Refusal):
            return known
        plane, standing = known
        own = None if plane.tenant is None else plane.tenant.id
        if any(one is not None and one.id != own for one in (hosted, named)):
            return TENANT_MISMATCH
        return Caller(
            kind="operator",
            principal=standing.session.operator_id,
            tenant=plane.tenant,
            session_id=standing.session.id,
            authenticated_at=standing.session.fresh_at,
            fresh=standing.fresh,
            scopes=standing.permissions,
            csrf=standing.csrf,
        )

    async def home(
        self, headers: Mapping[str, str], address: ClientAddress = UNKNOWN_ADDRESS
    ) -> TenantRef | Refusal:
        """Return the tenant of a request that needs no credentials.

        The host, the publishable key and a token say it, and must agree; the default holds where
        none of them does. Refusals: `unauthorized` (the key), `tenant_mismatch`,
        `tenant_required`, `too_busy`, `address_not_allowed` (a secret key away from its networks),
        and `not_found` at an unknown host.
        """
        hosted = await self._hosted_tenant(headers)
        if isinstance(hosted, Refusal):
            return hosted
        named = await self.named_tenant(headers)
        if isinstance(named, Refusal):
            return named
        claimed = await self._claimed_tenant(headers, address)
        if isinstance(claimed, Refusal):
            return claimed
        said = [one for one in (hosted, named, claimed) if one]
        if len({one.id for one in said}) > 1:
            return TENANT_MISMATCH
        if said:
            return said[0]
        if self._default is None:
            return TENANT_REQUIRED
        return await self._identity.tenants.by_slug(self._default) or TENANT_REQUIRED

    async def _hosted_tenant(self, headers: Mapping[str, str]) -> TenantRef | Refusal | None:
        """Return the tenant that the host leads to, None at a host of the deployment."""
        host = read_host(headers.get("host", ""))
        if host in self._hosts:
            return None
        found = None if host is None else await self._identity.tenants.by_host(host)
        return found or UNKNOWN_HOST

    async def _claimed_tenant(
        self, headers: Mapping[str, str], address: ClientAddress
    ) -> TenantRef | Refusal | None:
        """Return the tenant of the bearer token, if one was sent that is good.

        One that is good elsewhere is refused rather than overlooked.
        """
        method, _, token = headers.get("authorization", "").partition(" ")
        if method.lower() != "bearer" or not token:
            return None
        caller = await self._caller(token.strip(), address)
        if isinstance(caller, Refusal):
            return caller if caller == ADDRESS_NOT_ALLOWED else None
        return caller.tenant

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
            key = await self._identity.keys.recognise(token)
            return key if isinstance(key, Refusal) else await self._machine(key, address)
        claims = await self._identity.tokens.read(token)
        if isinstance(claims, MachineClaims):
            return await self._with_access_token(claims, address)
        return BAD_TOKEN if claims is None else await self._player(claims)

    async def _with_access_token(
        self, claims: MachineClaims, address: ClientAddress
    ) -> Caller | Refusal:
        """Return the application as its key would be, with the scopes that the token has."""
        key = await self._identity.keys.of_token(claims.key)
        if key is None or key.tenant_id != claims.tenant_id:
            return ACCESS_TOKEN_ENDED
        caller = await self._machine(key, address)
        if isinstance(caller, Refusal):
            return caller
        return msgspec.structs.replace(caller, scopes=caller.scopes & claims.scopes)

    async def _machine(self, key: KnownKey | None, address: ClientAddress) -> Caller | Refusal:
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
                key_id=key.id,
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
            key_id=key.id,
        )

    async def _player(self, claims: PlayerClaims) -> Caller | Refusal:
        tenant = await self._identity.tenants.by_id(claims.tenant_id)
        if tenant is None:
            return BAD_TOKEN
        refused = await self._standing(tenant, claims)
        if refused is not None:
            return refused
        at = claims.authenticated_at
        signed_in = None if at is None else datetime.fromtimestamp(at, UTC)
        return Caller(
            kind="player",
            principal=claims.player_id,
            tenant=tenant,
            player_id=claims.player_id,
            country=claims.country,
            session_id=claims.session_id,
            authenticated_at=signed_in,
            fresh=signed_in is not None and self._identity.clock.now() - signed_in <= FRESH,
        )

    async def _standing(self, tenant: TenantRef, claims: PlayerClaims) -> Refusal | None:
        """Return why the player may not call now although the token is good, else None."""
        player_id, session_id = claims.player_id, claims.session_id
        standing = await self._identity.standings.of(tenant, player_id, session_id)
        if standing is None or standing.state == "erased":
            return BAD_TOKEN
        barred = barred_by(standing.state)
        if barred is not None:
            return barred
        ended = session_id is not None and session_id not in standing.sessions
        return SESSION_ENDED if ended else None


def read_cookie(headers: Mapping[str, str], name: str) -> str | Refusal | None:
    """Return the value of a cookie, None where it was not sent; `unauthorized` for two of a name.

    Of two nobody can say which one another host of the same domain planted.
    """
    sent = headers.get("cookie")
    if sent is None:
        return None
    pairs = (part.strip().partition("=") for part in sent.split(";"))
    values = [value for key, _, value in pairs if key == name]
    if len(values) > 1:
        return TWO_CREDENTIALS
    return values[0] if values else None
