"""Sign player tokens and check them without the database: JWT (RFC 7519) with EdDSA (RFC 8037)."""

import base64
import copy
from datetime import timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, OKPKey
from joserfc.jws import JWSRegistry

from guildbank.identity.contracts.sign_in import PlayerToken, Session, SigningKeyRow
from guildbank.identity.store import keys as store
from guildbank.infra.cache import Recent
from guildbank.infra.crypto import SigningKey, Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, new_id

LIFETIME = timedelta(minutes=10)
ISSUER = "guildbank"
ALGORITHM = "EdDSA"
SKEW_SECONDS = 5
MAX_TOKEN = 2_048
REFRESH_SECONDS = 60.0
STRANGE_KEY_SECONDS = 1.0


def _aad(kid: str) -> bytes:
    return b"identity_signing_key:" + kid.encode()


# joserfc warns that RFC 9864 would rather name the curve; readers in the field know EdDSA only.
_eddsa = copy.copy(JWSRegistry.algorithms[ALGORITHM])
_eddsa.security_warning = None


class _OnlyEdDSA(JWSRegistry):
    """The one algorithm that is accepted: `none` and the key-confusing HMACs do not exist."""

    algorithms = {ALGORITHM: _eddsa}  # noqa: RUF012 - the library's own declaration


_registry = _OnlyEdDSA(algorithms=[ALGORITHM])


class Signers(msgspec.Struct, frozen=True):
    """The deployment's signing keys: the newest one signs, all verify."""

    newest: str
    private: OKPKey
    public: KeySet
    known: frozenset[str]


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


class TokenMint:
    """Mints and reads player tokens with the deployment's keys, made on first use."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock
        self._signers = Recent(self._load, seconds=REFRESH_SECONDS, capacity=1)
        self._newer = Recent(self._load, seconds=STRANGE_KEY_SECONDS, capacity=1)

    async def mint(
        self,
        tenant: TenantRef,
        player_id: str,
        country: str | None = None,
        session: Session | None = None,
    ) -> PlayerToken:
        """Return a token by which the player's client may call for ten minutes.

        `country` (ISO 3166-1 alpha-2) is signed with it: a client cannot choose its own prices.
        A token of a `session` ends with it.
        """
        signers = await self._signers.get("")
        now = self._clock.now().replace(microsecond=0)
        ends = now + LIFETIME
        claims = {
            "iss": ISSUER,
            "aud": tenant.id,
            "sub": player_id,
            "jti": new_id("jti"),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(ends.timestamp()),
        }
        if country is not None:
            claims["country"] = country
        if session is not None:
            claims["sid"] = session.id
            claims["auth_time"] = int(session.authenticated_at.timestamp())
        header = {"alg": ALGORITHM, "kid": signers.newest}
        token = jwt.encode(header, claims, signers.private, registry=_registry)
        return PlayerToken(token, ends)

    async def read(self, token: str) -> PlayerClaims | None:
        """Return what the token says, or None if it is not one of ours or not valid now."""
        if len(token) > MAX_TOKEN:
            return None
        signers = await self._signers.get("")
        kid = _key_id(token)
        if kid is None:
            return None
        if kid not in signers.known:
            # Another process may have made a key; asked at most once a second.
            signers = await self._newer.get("")
            if kid not in signers.known:
                return None
            self._signers.forget("")
        try:
            claims = jwt.decode(token, signers.public, registry=_registry).claims
            jwt.JWTClaimsRegistry(
                now=int(self._clock.now().timestamp()),
                leeway=SKEW_SECONDS,
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True},
                sub={"essential": True},
                exp={"essential": True},
                nbf={"essential": True},
            ).validate(claims)
            return msgspec.convert(claims, PlayerClaims)
        except (JoseError, ValueError, TypeError, msgspec.ValidationError):
            return None

    async def public_keys(self) -> list[dict[str, Any]]:
        """Return the keys that verify tokens, as JSON Web Keys (RFC 7517)."""
        signers = await self._signers.get("")
        keys = signers.public.as_dict(private=False)["keys"]
        return [{**key, "alg": ALGORITHM, "use": "sig"} for key in keys]

    async def _load(self, _: str) -> Signers:
        async with self._db.begin(CONTROL_SCHEMA) as tx:
            rows = list(await store.signing_keys(tx))
            if not rows:
                await store.lock_signing_keys(tx)
                rows = list(await store.signing_keys(tx))
            if not rows:
                rows = [self._new_row()]
                await store.insert_signing_key(tx, rows[0])
        newest = rows[-1]
        seed = self._vault.open(_aad(newest.id), newest.sealed_seed)
        public: list[Key] = [_okp(row.id, row.public_key) for row in rows]
        return Signers(
            newest.id,
            _okp(newest.id, newest.public_key, seed),
            KeySet(public),
            frozenset(row.id for row in rows),
        )

    def _new_row(self) -> SigningKeyRow:
        key, kid = SigningKey.generate(), new_id("sig")
        return SigningKeyRow(kid, key.public_key, self._vault.seal(_aad(kid), key.seed))


def _okp(kid: str, public_key: str, seed: bytes | None = None) -> OKPKey:
    fields: dict[str, str | list[str]] = {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": kid,
        "x": _base64url(public_key),
    }
    if seed is not None:
        fields["d"] = base64.urlsafe_b64encode(seed).rstrip(b"=").decode()
    return OKPKey.import_key(fields)


def _base64url(text: str) -> str:
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def _key_id(token: str) -> str | None:
    """Return the `kid` that a token claims, before anything of it is believed."""
    head = token.partition(".")[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None
