"""What signing in is made of: proofs, sessions, tokens, tickets, and what is refused."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.identity.contracts.players import PlayerState
from guildbank.kernel import Refusal

Method: TypeAlias = Literal[
    "password", "external", "guest", "mailed_code", "totp", "recovery_code", "passkey"
]
"""A way by which a player proved who they are; `external` is an account elsewhere."""
Purpose: TypeAlias = Literal[
    "confirm_email",
    "reset_password",
    "change_email",
    "undo_email",
    "second_factor",
    "external_begun",
    "external_away",
    "external_code",
    "link_offer",
    "link_code",
    "sign_in_code",
    "step_up_code",
    "enrol_totp",
    "passkey_new",
    "passkey_proof",
    "passkey_sign_in",
]
"""What a ticket is for: one made for something else is none."""


OF_AN_ACCOUNT: tuple[Purpose, ...] = (
    "reset_password",
    "change_email",
    "second_factor",
    "link_offer",
    "link_code",
    "sign_in_code",
    "step_up_code",
    "enrol_totp",
    "passkey_new",
    "passkey_proof",
)
"""What was begun or mailed before the way into an account changed, and must not outlive that."""


class Entrant(msgspec.Struct, frozen=True):
    """A player as they were when a proof was looked at.

    `credentials` counts how often what they come in by was replaced: a session begins while it is
    what it was.
    """

    player_id: str
    state: PlayerState
    credentials: int = 0


class Candidate(msgspec.Struct, frozen=True):
    """A player who may be the one that signs in, and the hash that the password must meet."""

    entrant: Entrant
    password_hash: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A player's sign-in on one device, kept alive by refresh tokens that each work once.

    `counter` numbers the refresh token that is good now, made at `refreshed_at`. `factor_at` is
    when a second factor, or a passkey, was last proved in it.
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
    factor_at: datetime | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a secret stands for that we mailed or handed out: good once, and not for long.

    `data` is what the ticket is about, in a form that its purpose knows.
    """

    purpose: Purpose
    player_id: str | None
    data: bytes
    expires_at: datetime


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a player's client gets by signing in or refreshing: the pair and when its half ends."""

    player_id: str
    session_id: str
    token: str
    expires_at: datetime
    refresh_token: str


class PlayerToken(msgspec.Struct, frozen=True):
    """A signed token with which a player's client calls, and when it ends."""

    token: str
    expires_at: datetime


WEAK_PASSWORD = Refusal(
    code="weak_password",
    detail="This password is easy to guess. Take a longer one, such as a few unrelated words.",
    field="password",
)
LOGIN_FAILED = Refusal(code="login_failed", detail="The name or the password is wrong.")
CREDENTIALS_CHANGED = Refusal(
    code="credentials_changed",
    detail="What the account is entered by was changed just now. Sign in again.",
)
SESSION_ENDED = Refusal(code="session_ended", detail="The session has ended. Sign in again.")
REFRESH_REUSED = Refusal(
    code="refresh_reused",
    detail=(
        "This refresh token was used before, so it may be stolen: its session was ended. "
        "Sign in again."
    ),
)
BAD_TICKET = Refusal(
    code="ticket_not_valid",
    detail="This link or code was used, has expired, or was replaced. Ask for a new one.",
)
STEP_UP_REQUIRED = Refusal(
    code="step_up_required",
    detail=(
        "This call needs a fresh proof of who you are: step up at /v1/sessions/step-up, then "
        "call again with the new token."
    ),
)
BAD_REFRESH = Refusal(code="unauthorized", detail="The refresh token is not valid here.")
NO_SESSION = Refusal(code="not_found", detail="There is no such session.")
BAD_TOKEN = Refusal(code="unauthorized", detail="The player token is not valid, or has ended.")


class SigningKeyRow(msgspec.Struct, frozen=True):
    """A key of tokens as it is stored: public in base64, its seed under the master key.

    It is published at once and signs from `signs_at` on, until the next one does.
    """

    id: str
    public_key: str
    sealed_seed: bytes
    signs_at: datetime


class SigningKeyState(msgspec.Struct, frozen=True):
    """Where a key is on its way, and when it gets to the next state (None: not planned).

    `since` is when it began to sign, or will.
    """

    id: str
    since: datetime
    state: Literal["published", "signs", "verifies", "gone"]
    until: datetime | None


ROTATION_UNDER_WAY = Refusal(
    code="rotation_under_way",
    detail=(
        "A new key is published already and will sign soon. Wait for it, or rotate with --now to "
        "drop all keys at once."
    ),
)
