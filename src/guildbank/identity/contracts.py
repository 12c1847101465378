"""What crosses identity's door: players, keys, tokens, and the scopes that keys may have."""

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

KeyKind: TypeAlias = Literal["secret", "publishable"]
PlayerState: TypeAlias = Literal["active", "suspended", "closed", "erased"]
Method: TypeAlias = Literal["password"]
"""A way by which a player proved who they are."""


class Player(msgspec.Struct, frozen=True):
    """A player of one tenant; `external_id` is the id in the game's own accounts, if it has some.

    Nobody starts anything for a player who is not active; what was begun is still settled.
    """

    id: str
    external_id: str | None
    state: PlayerState
    created_at: datetime


class Username(msgspec.Struct, frozen=True):
    """A user name as it is shown, and what it shares with its look-alikes, which is unique."""

    name: str
    skeleton: str


class Email(msgspec.Struct, frozen=True):
    """An e-mail address as it was given, and the form in which two of them are compared."""

    address: str
    canonical: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a player registers with. Only a confirmed address belongs to one player alone."""

    player_id: str
    username: Username | None
    email: Email | None
    email_id: str | None
    password_hash: str | None
    locale: str | None
    country: str | None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a player, for the player and for the tenant's people."""

    player_id: str
    state: PlayerState
    username: str | None
    email: str | None
    email_confirmed: bool
    locale: str | None
    country: str | None
    age_confirmed_at: datetime | None
    created_at: datetime


class Candidate(msgspec.Struct, frozen=True):
    """A player who may be the one that signs in, and the hash that the password must meet."""

    player_id: str
    state: PlayerState
    password_hash: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A player's sign-in on one device, kept alive by refresh tokens that each work once.

    `counter` numbers the refresh token that is good now, made at `refreshed_at`.
    """

    id: str
    player_id: str
    counter: int
    device: str
    methods: tuple[Method, ...]
    created_at: datetime
    authenticated_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a player's client gets by signing in or refreshing: the pair and when its half ends."""

    player_id: str
    session_id: str
    token: str
    expires_at: datetime
    refresh_token: str


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An application's key without its secret; `prefix` is enough for a person to tell it.

    `tenant_id` is None for a key of the deployment. `allowed_addresses` are the networks from which
    it may be used, all of them when there are none. A rotated key names its successor and stays
    valid until `expires_at`.
    """

    id: str
    application: str
    tenant_id: str | None
    kind: KeyKind
    name: str
    prefix: str
    scopes: tuple[str, ...]
    allowed_addresses: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None


class NewKey(msgspec.Struct, frozen=True):
    """A key just made, with the token that is shown this once."""

    key: Key
    token: str


class PlayerToken(msgspec.Struct, frozen=True):
    """A signed token with which a player's client calls, and when it ends."""

    token: str
    expires_at: datetime


UNKNOWN_PLAYER = Refusal(
    code="unknown_player", detail="There is no such player in this tenant.", field="playerId"
)
TENANT_SUSPENDED = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)
PLAYER_SUSPENDED = Refusal(
    code="player_suspended",
    detail="The player is suspended: nothing can be started until they are reinstated.",
)
PLAYER_CLOSED = Refusal(code="player_closed", detail="The player's account is closed.")
USERNAME_TAKEN = Refusal(
    code="username_taken",
    detail="This user name, or one that looks like it, is taken.",
    field="username",
)
WEAK_PASSWORD = Refusal(
    code="weak_password",
    detail="This password is easy to guess. Take a longer one, such as a few unrelated words.",
    field="password",
)
LOGIN_FAILED = Refusal(code="login_failed", detail="The name or the password is wrong.")
SESSION_ENDED = Refusal(code="session_ended", detail="The session has ended. Sign in again.")
REFRESH_REUSED = Refusal(
    code="refresh_reused",
    detail=(
        "This refresh token was used before, so it may be stolen: its session was ended. "
        "Sign in again."
    ),
)
BAD_REFRESH = Refusal(code="unauthorized", detail="The refresh token is not valid here.")
NO_SESSION = Refusal(code="not_found", detail="There is no such session.")
NO_PLAYER = Refusal(code="not_found", detail="There is no such player.")
NO_KEY = Refusal(code="not_found", detail="There is no such key.")
BAD_KEY = Refusal(
    code="unauthorized", detail="The key is unknown, expired, revoked, or of a deleted tenant."
)
BAD_TOKEN = Refusal(code="unauthorized", detail="The player token is not valid, or has ended.")
ADDRESS_NOT_ALLOWED = Refusal(
    code="address_not_allowed",
    detail=(
        "The key is valid, but not from the address of this request. Its `allowedAddresses` say "
        "from where; behind a proxy the server also needs the setting `trusted_proxies`."
    ),
)
SECRET_IN_CLIENT_HEADER = Refusal(
    code="unauthorized",
    detail=(
        "X-Guildbank-Key takes a publishable key (pk_...). A secret key belongs on a server, "
        "in Authorization: Bearer. Revoke it if it has been in a client."
    ),
)
TENANT_MISMATCH = Refusal(
    code="tenant_mismatch", detail="The credentials and X-Guildbank-Key name different tenants."
)
TENANT_REQUIRED = Refusal(
    code="tenant_required",
    detail="The request names no tenant: send its publishable key as X-Guildbank-Key.",
)
UNKNOWN_HOST = Refusal(code="not_found", detail="No tenant is reached at this host.")
TOO_MANY_STRANGERS = Refusal(
    code="too_busy", detail="Too many unknown keys are being looked up. Try again shortly."
)
NOT_WITH_PUBLISHABLE = Refusal(
    code="unauthorized",
    detail="A publishable key (pk_...) identifies a tenant and authorises nothing.",
)
NOT_FROM_EVERYWHERE = Refusal(
    code="address_not_held",
    detail="Your own key may be used from some networks only, so it cannot renew one without.",
)
KEY_ENDED = Refusal(
    code="key_ended", detail="The key is revoked or already rotated. Create a new key instead."
)


class KnownKey(msgspec.Struct, frozen=True):
    """What a request needs of a key that was found by its token.

    `networks` are the `allowed_addresses`, read.
    """

    id: str
    application: str
    tenant_id: str | None
    kind: KeyKind
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    allowed_addresses: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]

    def valid(self, now: datetime) -> bool:
        """Say whether the key may be used at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class SigningKeyRow(msgspec.Struct, frozen=True):
    """A key of player tokens as it is stored: public in base64, its seed under the master key."""

    id: str
    public_key: str
    sealed_seed: bytes
