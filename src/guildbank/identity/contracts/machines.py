"""Keys of machines, and why a request's credentials are refused."""

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

KeyKind: TypeAlias = Literal["secret", "publishable"]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An application's key without its secret; `prefix` is enough for a person to tell it.

    `tenant_id` is None for a key of the deployment. `allowed_addresses` are the networks from which
    it may be used, all of them when there are none. A rotated key names its successor and stays
    valid until `expires_at`. `created_by` is the application or operator that made it, None where
    the host's command line did.
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
    created_by: str | None


class NewKey(msgspec.Struct, frozen=True):
    """A key just made, with the token that is shown this once."""

    key: Key
    token: str


NO_KEY = Refusal(code="not_found", detail="There is no such key.")
BAD_KEY = Refusal(
    code="unauthorized", detail="The key is unknown, expired, revoked, or of a deleted tenant."
)
ADDRESS_NOT_ALLOWED = Refusal(
    code="address_not_allowed",
    detail=(
        "The key is valid, but not from the address of this request. Its `allowedAddresses` say "
        "from where; behind a proxy the server also needs the setting `trusted_proxies`."
    ),
)
ACCESS_TOKEN_ENDED = Refusal(
    code="unauthorized",
    detail="The key for which this access token was given is revoked or expired. Get a new one.",
)
SECRET_IN_CLIENT_HEADER = Refusal(
    code="unauthorized",
    detail=(
        "X-Guildbank-Key takes a publishable key (pk_...). A secret key belongs on a server, "
        "in Authorization: Bearer. Revoke it if it has been in a client."
    ),
)
TENANT_MISMATCH = Refusal(
    code="tenant_mismatch",
    detail="The host, X-Guildbank-Key and the credentials do not all name one tenant.",
)
TENANT_REQUIRED = Refusal(
    code="tenant_required",
    detail="The request names no tenant: send its publishable key as X-Guildbank-Key.",
)
UNKNOWN_HOST = Refusal(code="not_found", detail="No tenant is reached at this host.")
TOO_MANY_STRANGERS = Refusal(
    code="too_busy", detail="Too many unknown keys are being looked up. Try again shortly."
)
TWO_CREDENTIALS = Refusal(
    code="unauthorized",
    detail=(
        "The request bears an operator's cookie and other credentials too: send one of them. A "
        "program should keep no cookies; in a browser, sign out of the console or use another "
        "profile."
    ),
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
