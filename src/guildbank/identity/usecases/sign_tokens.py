"""Sign tokens and check them without the database: JWT (RFC 7519) with EdDSA (RFC 8037).

A player's token and a machine's are told apart by the signed header `typ` (`at+jwt` is RFC 9068's),
so neither is ever taken for the other.
"""

import copy
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from guildbank.identity.contracts.machines import KnownKey
from guildbank.identity.contracts.sign_in import PlayerToken, Session
from guildbank.identity.usecases.signing_keys import SigningKeys
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, new_id

LIFETIME = timedelta(minutes=10)
ISSUER = "guildbank"
ALGORITHM = "EdDSA"
SKEW_SECONDS = 5
MAX_KNOWN = 20_000
MAX_TOKEN = 8_192
"""With the scopes of a machine, or what the studio's server says of a player."""
PLAYER, MACHINE = "JWT", "at+jwt"

# joserfc warns that RFC 9864 would rather name the curve; readers in the field know EdDSA only.
_eddsa = copy.copy(JWSRegistry.algorithms[ALGORITHM])
_eddsa.security_warning = None


class _OnlyEdDSA(JWSRegistry):
    """The one algorithm that is accepted: `none` and the key-confusing HMACs do not exist."""

    algorithms = {ALGORITHM: _eddsa}  # noqa: RUF012 - the library's own declaration


_registry = _OnlyEdDSA(algorithms=[ALGORITHM])


class PlayerClaims(
    msgspec.Struct,
    frozen=True,
    rename={
        "tenant_id": "aud",
        "player_id": "sub",
        "session_id": "sid",
        "authenticated_at": "auth_time",
    },
):
    """What a valid token says; `country` is None where the game server named none.

    A token that a game server minted has no session. `authenticated_at` is in Unix seconds.
    """

    tenant_id: str
    player_id: str
    country: str | None = None
    session_id: str | None = None
    authenticated_at: int | None = None


class MachineClaims(
    msgspec.Struct, frozen=True, rename={"tenant_id": "aud", "application": "client_id"}
):
    """What a machine's token says: the application, and the key that it was given for."""

    tenant_id: str
    application: str
    key: str
    scope: str

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that the token was given with."""
        return frozenset(self.scope.split())


_SAYS: dict[str, type[PlayerClaims | MachineClaims]] = {
    PLAYER: PlayerClaims,
    MACHINE: MachineClaims,
}


class _Terms(msgspec.Struct, frozen=True):
    """What each of our tokens says of itself; `exp` and `nbf` are Unix seconds."""

    iss: str
    exp: int
    nbf: int

    def hold(self, now: float) -> bool:
        """Say whether the token is ours and good now, give or take the skew of clocks."""
        begun, over = self.nbf <= now + SKEW_SECONDS, self.exp < now - SKEW_SECONDS
        return self.iss == ISSUER and begun and not over


class _Known(NamedTuple):
    """A token that was verified: its key, what it says, and the last second that it is good."""

    kid: str
    claims: PlayerClaims | MachineClaims
    until: int


class TokenMint:
    """Mints and reads tokens with the deployment's keys.

    A token that was verified is known again by its hash until it ends or its key is dropped: to
    verify a signature costs a third of a whole request.
    """

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def mint(
        self,
        tenant: TenantRef,
        player_id: str,
        country: str | None = None,
        session: Session | None = None,
        ext: Mapping[str, Any] | None = None,
    ) -> PlayerToken:
        """Return a token by which the player's client may call for ten minutes.

        `country` (ISO 3166-1 alpha-2) is signed with it: a client cannot choose its own prices.
        A token of a `session` ends with it. `ext` is what the studio's server says of the player,
        under a name of its own, so that it takes the place of no other claim.
        """
        claims: dict[str, Any] = {"sub": player_id}
        if country is not None:
            claims["country"] = country
        if session is not None:
            claims["sid"] = session.id
            claims["auth_time"] = int(session.authenticated_at.timestamp())
        if ext:
            claims["ext"] = dict(ext)
        return await self._sign(tenant, PLAYER, claims)

    async def mint_for_machine(
        self, tenant: TenantRef, key: KnownKey, scopes: Collection[str]
    ) -> PlayerToken:
        """Return an access token of the key's application for ten minutes (RFC 9068)."""
        claims = {
            "sub": key.application,
            "client_id": key.application,
            "scope": " ".join(sorted(scopes)),
            "key": key.id,
        }
        return await self._sign(tenant, MACHINE, claims)

    async def read(self, token: str) -> PlayerClaims | MachineClaims | None:
        """Return what the token says, or None if it is not one of ours or not valid now."""
        if len(token) > MAX_TOKEN:
            return None
        hash_, now = sha256(token.encode()).digest(), self._clock.now()
        known = self._known.get(hash_)
        if known is None:
            known = await self._verify(token, now)
            if known is None:
                return None
            self._known[hash_] = known
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        elif now.timestamp() > known.until or await self._keys.knowing(known.kid) is None:
            self._known.pop(hash_, None)
            return None
        return known.claims

    async def _verify(self, token: str, now: datetime) -> _Known | None:
        # The library's `jwt.decode` looks at every claim by rules that it makes anew for each
        # token, and picks the key out of a set: a third of the time that a token took.
        try:
            signed = jws.extract_compact(token.encode(), registry=_registry)
            kid, kind = signed.protected.get("kid"), signed.protected.get("typ")
            if not isinstance(kid, str) or not isinstance(kind, str) or kind not in _SAYS:
                return None
            signers = await self._keys.knowing(kid)
            if signers is None or not jws.validate_compact(
                signed, signers.keys[kid], registry=_registry
            ):
                return None
            terms = msgspec.json.decode(signed.payload, type=_Terms)
            if not terms.hold(now.timestamp()):
                return None
            claims = msgspec.json.decode(signed.payload, type=_SAYS[kind])
            return _Known(kid, claims, terms.exp + SKEW_SECONDS)
        except (JoseError, ValueError, TypeError, RecursionError, msgspec.DecodeError):
            return None

    async def public_keys(self) -> list[dict[str, Any]]:
        """Return the keys that verify tokens, as JSON Web Keys (RFC 7517)."""
        signers = await self._keys.current()
        keys = signers.public(self._clock.now()).as_dict(private=False)["keys"]
        return [{**key, "alg": ALGORITHM, "use": "sig"} for key in keys]

    async def _sign(self, tenant: TenantRef, kind: str, claims: Mapping[str, Any]) -> PlayerToken:
        now = self._clock.now().replace(microsecond=0)
        ends = now + LIFETIME
        kid, key = (await self._keys.current()).signer(self._clock.now())
        whole = {
            **claims,
            "iss": ISSUER,
            "aud": tenant.id,
            "jti": new_id("jti"),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(ends.timestamp()),
        }
        header = {"typ": kind, "alg": ALGORITHM, "kid": kid}
        return PlayerToken(jwt.encode(header, whole, key, registry=_registry), ends)
