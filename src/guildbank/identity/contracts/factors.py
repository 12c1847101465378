"""Second factors: what a player has, what is answered with them, and what is refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.identity.contracts.players import PlayerState
from guildbank.identity.contracts.sign_in import Method
from guildbank.kernel import Refusal
from guildbank.tenancy import PasskeySettings, SecondFactor

FactorKind: TypeAlias = Literal["totp", "mailed_code", "passkey"]
"""What a player can have as a second factor; recovery codes stand in for a lost one."""
ENROL_TOTP = "enrol_totp"
"""Among the ways to finish a sign-in: take an authenticator app into use first."""


class Factors(msgspec.Struct, frozen=True, kw_only=True):
    """What a player can prove themselves by, and what we need to write to them about it.

    `passkeys` are those of the tenant's relying party, `lost_passkeys` those of an earlier one,
    which no browser offers any more. `address` is a confirmed one, `owned` says that its reader was
    seen inside the account. `returning` says that the player has had a session.
    """

    player_id: str
    state: PlayerState
    label: str
    totp: bool
    mailed_code: bool
    passkeys: int
    lost_passkeys: int
    recovery_codes: int
    address: str | None
    locale: str | None
    returning: bool
    owned: bool

    @property
    def protected(self) -> bool:
        """Say whether the player has a second factor."""
        return self.totp or self.mailed_code or self.passkeys > 0 or self.lost_passkeys > 0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant asks and offers; `brand` is what players know it by."""

    second_factor: SecondFactor
    passkeys: PasskeySettings | None
    brand: str


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser got from a passkey (WebAuthn, section 5.8.1), in base64url as it was sent."""

    id: str
    raw_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None = None


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser got from a new passkey (WebAuthn, section 5.8.1), in base64url."""

    id: str
    raw_id: str
    client_data: str
    attestation_object: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person answers when asked for a proof: `text` to type, or a passkey's assertion."""

    method: Method
    text: str = ""
    assertion: Assertion | None = None


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as its player sees it; one that is not `usable` is of an earlier host."""

    id: str
    name: str
    rp_id: str
    created_at: datetime
    last_used_at: datetime | None
    usable: bool


class StoredPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as it is verified; `holder_id` is the player's or operator's whose it is.

    `credentials` is the count of its player's, as of `Entrant`.
    """

    id: str
    holder_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    rp_id: str
    credentials: int = 0


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticator app that is being taken into use: nothing holds until a code confirms it.

    `uri` is what a QR code shows (`otpauth://totp/...`), `secret` the same for typing, and
    `enrolment` names it when it is confirmed.
    """

    enrolment: str
    secret: str
    uri: str
    expires_at: datetime


class PasskeyOptions(msgspec.Struct, frozen=True):
    """What a page passes to `navigator.credentials`, and until when an answer is taken."""

    options: Mapping[str, object]
    expires_at: datetime


FACTOR_FAILED = Refusal(
    code="second_factor_failed",
    detail="The proof is wrong, too old, or was used before. Take a new code, or try again.",
)
CHALLENGE_ENDED = Refusal(
    code="challenge_ended",
    detail="The sign-in has expired or was finished already. Begin again.",
    field="challenge",
)
ENROLMENT_ENDED = Refusal(
    code="challenge_ended",
    detail="The enrolment has expired or was finished already. Begin again.",
    field="enrolment",
)
WAY_NOT_OPEN = Refusal(
    code="method_not_open", detail="The player has nothing to prove this way.", field="method"
)
FACTORS_OFF = Refusal(
    code="second_factor_off", detail="This tenant offers its players no second factor."
)
PASSKEYS_OFF = Refusal(code="passkeys_off", detail="This tenant takes no passkeys.")
PASSKEY_REFUSED = Refusal(
    code="passkey_refused",
    detail="The passkey could not be verified here, or is in use already. Try again.",
    field="credential",
)
TOO_MANY_PASSKEYS = Refusal(
    code="too_many_passkeys", detail="A player has at most 20 passkeys. Remove one first."
)
FACTOR_EXISTS = Refusal(
    code="factor_exists", detail="This second factor is in use already. Remove it first."
)
SESSION_NEEDED = Refusal(
    code="session_required",
    detail="Only a player who signed in can prove a second factor, not a token of the game.",
)
NO_FACTOR = Refusal(code="not_found", detail="The player has no such second factor.")
NOTHING_TO_RECOVER = Refusal(
    code="no_second_factor",
    detail="Recovery codes stand in for a second factor, and the player has none.",
)
NOTHING_TO_CLEAR = Refusal(
    code="no_second_factor", detail="The player has no second factor that could be removed."
)
NO_ADDRESS = Refusal(
    code="address_not_confirmed", detail="A code can be mailed to a confirmed address only."
)
