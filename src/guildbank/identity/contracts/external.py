"""Accounts elsewhere by which players come in, what a tenant sets up for them, and refusals."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from guildbank.kernel import Refusal

MAX_LINKS = 20
"""Accounts elsewhere that one player may have."""
MAX_RETURN_URLS = 50
MAX_RETURN_URL = 500


class ExternalLink(msgspec.Struct, frozen=True, kw_only=True):
    """An account elsewhere and whose it is here. (`issuer`, `subject`) is one player's alone.

    `key` is a hash of the two, since an index takes no text as long as they may be.
    """

    key: bytes
    id: str
    player_id: str
    provider: str
    issuer: str
    subject: str
    linked_at: datetime
    vouched_for: str | None = None


class WaysIn(msgspec.Struct, frozen=True, kw_only=True):
    """By what a player can sign in: accounts elsewhere, a password, a guest's secret.

    `username` and `address`, a confirmed one, say that there is one. Neither lets anybody in alone,
    and without either a password does not.
    """

    links: tuple[ExternalLink, ...] = ()
    password: bool = False
    guest: bool = False
    username: bool = False
    address: bool = False

    @property
    def count(self) -> int:
        """How many ways there are."""
        by_password = self.password and (self.username or self.address)
        return len(self.links) + by_password + self.guest


class ProviderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's settings of an identity provider, as stored: secrets sealed, the rest as JSON.

    `version` is the plugin's that took them, empty where nobody knows it.
    """

    id: str
    enabled: bool
    settings: str
    sealed: bytes
    created_at: datetime
    changed_at: datetime
    version: str = ""


class ConfiguredProvider(msgspec.Struct, frozen=True, kw_only=True):
    """The same for people: which secrets are there, and none of them.

    `callback_url` is to be registered with the provider; None where nobody is sent there.
    `problem` says why the plugin cannot use what another version of it stored.
    """

    id: str
    title: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    secrets_missing: Sequence[str]
    callback_url: str | None
    changed_at: datetime
    problem: str | None = None


class OfferedProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A way to sign in that a tenant's client may show: where to send people, what to hand over."""

    id: str
    title: str
    redirecting: bool
    asserting: bool


class LinkOffer(msgspec.Struct, frozen=True):
    """The code is on its way; `ticket` goes with it when it comes back, until `expires_at`."""

    ticket: str
    expires_at: datetime


PROVIDER_NOT_SET_UP = Refusal(
    code="not_found", detail="The tenant has no settings of this identity provider."
)
NO_SUCH_PLUGIN = Refusal(
    code="not_found",
    detail="No identity provider of this id is installed. `guildbank plugin list` shows them.",
)
RETURN_URL_NOT_REGISTERED = Refusal(
    code="return_url_not_registered",
    detail=(
        "The return URL is none of those that the tenant registered, compared letter by letter. "
        "Register it at /v1/return-urls."
    ),
    field="returnUrl",
)
BAD_STATE = Refusal(
    code="bad_state",
    detail=(
        "This answer belongs to no sign-in that is under way in this browser: it took more than "
        "ten minutes, was used before, or was begun elsewhere. Go back to the game and sign in "
        "again."
    ),
    field="state",
)
BAD_EXCHANGE = Refusal(
    code="exchange_refused",
    detail=(
        "The code is unknown, used or older than 60 seconds, or the verifier is not the one whose "
        "challenge began this sign-in. Sign in again."
    ),
    field="code",
)
REPLAYED = Refusal(
    code="assertion_replayed",
    detail="This proof was used before: each works once. Ask the provider for a new one.",
    field="assertion",
)
IDENTITY_IN_USE = Refusal(
    code="identity_in_use",
    detail=(
        "This account elsewhere is another player's here. Wallets are never merged: sign in by it "
        "to play as that player, or link another account."
    ),
)
TOO_MANY_LINKS = Refusal(
    code="too_many_identities",
    detail=f"A player has at most {MAX_LINKS} accounts elsewhere. Unlink one first.",
)
LAST_WAY_IN = Refusal(
    code="last_way_in",
    detail=("This is the only way into the account. Set a password or link another account first."),
)
NO_IDENTITY = Refusal(code="not_found", detail="There is no such account among those linked.")
BAD_LINK_CODE = Refusal(
    code="link_code_refused",
    detail="The code is wrong, was tried too often, or is too old. Sign in again for a new one.",
    field="code",
)
BAD_LINK_TICKET = Refusal(
    code="link_code_refused",
    detail="The ticket is unknown, used or too old. Sign in again for a new one.",
    field="linkTicket",
)
BAD_GUEST = Refusal(
    code="login_failed", detail="No guest has this secret, or the guest has an account by now."
)
IS_GUEST = Refusal(
    code="is_guest",
    detail="A guest has no account yet: give the player one at /v1/guests/upgrade first.",
)
HAS_PASSWORD = Refusal(
    code="already_registered",
    detail="The player has a password already: change it instead.",
)
