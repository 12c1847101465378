"""Operators: people who work for a tenant or run the deployment, and what is refused to them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

OperatorState: TypeAlias = Literal["active", "suspended", "removed"]
TicketPurpose: TypeAlias = Literal[
    "second_step",
    "reset_password",
    "passkey_new",
    "passkey_proof",
    "passkey_sign_in",
    "studio_away",
]
StepMethod: TypeAlias = Literal["totp", "passkey", "recovery_code"]
"""What can finish a sign-in, or be set up at the first one."""
InvitationKind: TypeAlias = Literal["mailed", "first_owner", "by_host"]
"""`first_owner` links die when an owner exists; one made `by_host` is good whoever exists."""
ComesInBy: TypeAlias = Literal["password", "studio"]
"""How who is invited comes in: by a password of their own, or by the studio's sign-in alone."""

OWNER, ADMIN = "owner", "admin"
"""The roles that hold every permission of their plane; only owners make and unmake owners."""
DEPLOYMENT = "deployment"
"""What stands for the deployment where a tenant's id would."""

INVITATION_LIFE = timedelta(hours=72)
LINK_LIFE = timedelta(hours=1)
SECOND_STEP_LIFE = timedelta(minutes=10)
PASSKEY_LIFE = timedelta(minutes=5)
"""So long a browser may take to answer a challenge to a passkey."""
RESET_LIFE = timedelta(hours=1)
RESET_PAUSE = timedelta(minutes=5)
"""So long no second mail with a link to a new password is sent to an operator."""
SESSION_LIFE = timedelta(hours=12)
SESSION_IDLE = timedelta(minutes=30)
STEP_UP_LIFE = timedelta(minutes=10)
MAX_ROLES = 100
"""Roles of its own that a tenant may have."""
MAX_OPERATOR_PASSKEYS = 20


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What operators may be permitted: permission to meaning, and the built-in roles, by plane.

    A permission is a scope of keys or one that people alone hold.
    """

    tenant: Mapping[str, str] = {}
    deployment: Mapping[str, str] = {}
    tenant_roles: Mapping[str, frozenset[str]] = {}
    deployment_roles: Mapping[str, frozenset[str]] = {}


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A person who works here; `second_factor` says that an app or a passkey is set up."""

    id: str
    address: str
    name: str
    state: OperatorState
    roles: tuple[str, ...]
    second_factor: bool
    created_at: datetime


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A name for permissions; a built-in one is the program's and cannot be changed."""

    name: str
    permissions: tuple[str, ...]
    built_in: bool


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a link stands for whose reader becomes an operator; None for the host's own links."""

    id: str
    kind: InvitationKind
    address: str | None
    roles: tuple[str, ...]
    invited_by: str | None
    created_at: datetime
    expires_at: datetime
    comes_in_by: ComesInBy = "password"


class OperatorSession(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in of an operator with both factors, on one device."""

    id: str
    operator_id: str
    device: str
    created_at: datetime
    seen_at: datetime
    fresh_at: datetime
    expires_at: datetime


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator has for a second factor; `lost_passkeys` are of an earlier address."""

    app: bool
    passkeys: int
    lost_passkeys: int
    recovery_codes: int

    @property
    def protected(self) -> bool:
        """Say whether there is a second factor at all, one that can be used or not."""
        return self.app or self.passkeys + self.lost_passkeys > 0


class HalfSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a right password gets: a challenge, to be answered by one of `methods`.

    `step` is `second_factor`, or `enrol` for who has none yet and sets one of `methods` up.
    """

    step: Literal["second_factor", "enrol"]
    methods: tuple[StepMethod, ...]
    challenge: str
    expires_at: datetime


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What an authenticator app is set up with: the secret in base32, and as an otpauth address.

    `qr` is that address as a picture (SVG) for the app's camera.
    """

    secret: str
    uri: str
    qr: str


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A new session: `cookie` is what the browser keeps.

    `device` is the token by which this browser is known at the operator's next sign-in,
    `recovery_codes` are shown this once, where an app has just been set up.
    """

    cookie: str
    session: OperatorSession
    device: str
    recovery_codes: tuple[str, ...] = ()


NO_OPERATOR = Refusal(code="not_found", detail="There is no such operator.")
NO_INVITATION = Refusal(code="not_found", detail="There is no such invitation.")
NO_OPERATOR_SESSION = Refusal(code="not_found", detail="There is no such session.")
NO_ROLE = Refusal(code="not_found", detail="There is no such role of your own.")
SIGN_IN_FAILED = Refusal(code="login_failed", detail="The address or the password is wrong.")
WRONG_CODE = Refusal(
    code="code_wrong",
    detail=(
        "The code is wrong, old or used. Wait for the app's next one, or use a recovery code; "
        "the clock of the phone must be right."
    ),
    field="code",
)
CHALLENGE_ENDED = Refusal(
    code="challenge_ended", detail="The sign-in took too long or was finished. Begin it again."
)
ALREADY_ENROLLED = Refusal(
    code="already_enrolled",
    detail="A second factor is set up already: finish the sign-in with it.",
)
PASSKEYS_ELSEWHERE = Refusal(
    code="passkeys_off",
    detail=(
        "Passkeys of operators work at the deployment's own address alone, and only where that is "
        "a host name."
    ),
)
TOO_MANY_OPERATOR_PASSKEYS = Refusal(
    code="too_many_passkeys",
    detail=f"An operator has at most {MAX_OPERATOR_PASSKEYS} passkeys. Remove one first.",
)
LAST_FACTOR = Refusal(
    code="last_factor",
    detail="This is your only second factor. Set up an app or another passkey first.",
)
NO_OPERATOR_PASSKEY = Refusal(code="not_found", detail="You have no such passkey.")
NO_APP = Refusal(code="not_found", detail="You have no authenticator app set up.")
NO_FACTORS = Refusal(
    code="no_second_factor",
    detail="The operator has no second factor, and sets one up at the next sign-in.",
)
NOT_ENROLLING = Refusal(
    code="code_wrong", detail="No app is being set up: ask for its secret first.", field="code"
)
SUSPENDED = Refusal(
    code="operator_suspended",
    detail="Your account is suspended. Ask an owner or an admin of your team to reinstate it.",
)
SIGNED_OUT = Refusal(
    code="session_ended", detail="The session has ended or been idle too long. Sign in again."
)
INVITATION_ENDED = Refusal(
    code="invitation_ended",
    detail="The link is unknown, used, withdrawn or too old. Ask who invited you for a new one.",
)
OWNER_EXISTS = Refusal(
    code="invitation_ended",
    detail="There is an owner already, so this first link opens nothing. Ask the owner to invite.",
)
RESET_ENDED = Refusal(
    code="reset_ended", detail="The link is unknown, used or too old. Ask for a new one."
)
ADDRESS_TAKEN = Refusal(
    code="operator_exists", detail="An operator has this address already.", field="address"
)
ADDRESS_MISSING = Refusal(
    code="missing_field", detail="This link names no address: give your own.", field="address"
)
ADDRESS_DIFFERS = Refusal(
    code="invalid_value",
    detail="The invitation is for another address. Leave this one out, or ask for a new one.",
    field="address",
)
LAST_OWNER = Refusal(
    code="last_owner",
    detail="This is the last active owner. Make somebody else an owner first.",
)
OWNERS_ONLY = Refusal(
    code="permission_not_held", detail="Only an owner makes, changes and removes owners."
)
NOT_ONESELF = Refusal(
    code="not_oneself", detail="Nobody suspends, removes or changes the roles of themselves."
)
HTTPS_REQUIRED = Refusal(
    code="https_required",
    detail=(
        "Operators sign in over https, or on the machine itself. Set GUILDBANK_URL to the https "
        "address of this server."
    ),
)
ROLE_TAKEN = Refusal(code="role_taken", detail="There is a role of this name.", field="name")
ROLE_IN_USE = Refusal(
    code="role_in_use",
    detail="Operators, invitations or groups have this role. Take it from them first.",
)
TOO_MANY_ROLES = Refusal(
    code="too_many_roles", detail=f"There are {MAX_ROLES} roles, which is the most."
)
