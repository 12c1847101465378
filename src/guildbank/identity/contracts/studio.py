"""Sign-in by the studio's own issuer, for operators: what is set up, and what is refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

PLUGIN = "oidc"
"""The plugin that speaks to the issuer, as it does for players."""
JOURNEY_LIFE = timedelta(minutes=10)
MAX_GROUPS = 100
TrustedClaim: TypeAlias = Literal["amr", "acr"]


class GroupRoles(msgspec.Struct, frozen=True):
    """The roles of who is in a group, by the name that the issuer gives it."""

    group: str
    roles: tuple[str, ...]


class Trust(msgspec.Struct, frozen=True):
    """What an issuer's token must say, by one of `values`, for no second factor of ours to be due.

    `amr` is a list of methods (RFC 8176), `acr` a word that the issuer gives a meaning.
    """

    claim: TrustedClaim
    values: tuple[str, ...]


class StudioSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the issuer is spoken to; `groups_claim` is where it names a person's groups."""

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    endpoint_hosts: tuple[str, ...]
    groups_claim: str
    trusts: Trust | None


class StudioAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The settings as they are stored, the client's secret sealed."""

    enabled: bool
    settings: StudioSettings
    sealed: bytes
    changed_at: datetime


class Studio(msgspec.Struct, frozen=True, kw_only=True):
    """What is set up, without the secret; `callback_url` is to be registered with the issuer."""

    enabled: bool
    settings: StudioSettings
    groups: Sequence[GroupRoles]
    secret_set: bool
    callback_url: str
    changed_at: datetime


NO_STUDIO = Refusal(code="not_found", detail="No sign-in of the studio is set up here.")
NO_ROLE_BY_GROUPS = Refusal(
    code="no_group",
    detail=(
        "The studio knows you, but none of your groups there has a role here. Ask whoever keeps "
        "the groups to add you to one, then sign in again."
    ),
)
NOT_LINKED = Refusal(
    code="operator_exists",
    detail=(
        "An operator has your address already, and an address alone proves nobody. Sign in as "
        "before and link the studio's account from your page."
    ),
)
NO_STUDIO_ADDRESS = Refusal(
    code="studio_no_address",
    detail="The studio's issuer names no mail address of yours, or one that is not confirmed.",
)
STUDIO_ONLY = Refusal(
    code="studio_only",
    detail="You come in by the studio's sign-in; the passkey is your second factor there.",
)
NOBODY_BY_STUDIO = Refusal(
    code="unknown_identity_provider",
    detail=(
        "Nobody comes in by the studio's sign-in here: set it up first, or invite without "
        "comesInBy."
    ),
    field="comesInBy",
)
STUDIO_ACCEPTS = Refusal(
    code="studio_only",
    detail="This invitation is accepted by the studio's sign-in; no password is set for it.",
)
PASSWORD_ACCEPTS = Refusal(
    code="invalid_value",
    detail="This invitation is accepted with a password, and not by the studio's sign-in.",
    field="token",
)
OTHER_ADDRESS = Refusal(
    code="studio_other_address",
    detail=(
        "Your account at the studio has another mail address than the one that was invited. The "
        "link stays good: sign in there as who was invited, or ask for another invitation."
    ),
)
LINKED_ELSEWHERE = Refusal(
    code="identity_in_use", detail="This account of the studio is another operator's."
)
STUDIO_ELSEWHERE = Refusal(
    code="studio_elsewhere",
    detail="The studio's sign-in begins on the page /operator of the deployment's own address.",
)
