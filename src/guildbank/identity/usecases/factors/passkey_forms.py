"""The forms of WebAuthn (Level 3): what a page asks an authenticator, and what its answer proves.

Everything is verified by the library `webauthn`; here stands which host and pages it must be of.
"""

import base64
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence

import msgspec
import structlog
import webauthn
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from guildbank.identity.contracts.factors import (
    Assertion,
    Attestation,
    StoredPasskey,
)
from guildbank.tenancy import PasskeySettings

log = structlog.get_logger(__name__)

TIMEOUT_MS = 300_000


class _ClientData(msgspec.Struct):
    challenge: str


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a passkey is made: what the browser shows, and the handle by which it names them.

    A handle has at most 64 bytes and says nothing of the person (WebAuthn, section 5.4.3).
    """

    handle: bytes
    label: str
    brand: str


def to_register(
    party: PasskeySettings, holder: Holder, known: Sequence[bytes], secret: str
) -> Mapping[str, object]:
    """Return the options of `navigator.credentials.create`; `secret` is the challenge."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name=holder.brand,
        user_id=holder.handle,
        user_name=holder.label,
        challenge=read_base64(secret),
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return options_to_json_dict(options)


def to_assert(
    party: PasskeySettings, known: Sequence[bytes], secret: str, *, verified: bool
) -> Mapping[str, object]:
    """Return the options of `navigator.credentials.get`.

    Without `known` credentials the browser offers those that it finds. `verified` asks the
    authenticator to verify its holder, by a PIN or a finger.
    """
    need = UserVerificationRequirement.REQUIRED if verified else None
    options = webauthn.generate_authentication_options(
        rp_id=party.rp_id,
        challenge=read_base64(secret),
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        user_verification=need or UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def challenge_of(client_data: str) -> str | None:
    """Return the challenge that an answer claims to be of, before anything of it is believed."""
    try:
        return msgspec.json.decode(read_base64(client_data), type=_ClientData).challenge
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None


def verify_new(
    party: PasskeySettings, challenge: str, given: Attestation
) -> VerifiedRegistration | None:
    """Return what a browser made, if it is an answer to this challenge on one of our pages."""
    credential = {
        "id": given.id,
        "rawId": given.raw_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": given.client_data,
            "attestationObject": given.attestation_object,
        },
    }
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=read_base64(challenge),
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
        )
    except Exception as error:  # whatever it stumbles over is no passkey, and is refused
        log.info("passkey_refused", error=repr(error))
        return None


def verify_use(
    party: PasskeySettings,
    challenge: str,
    given: Assertion,
    passkey: StoredPasskey,
    *,
    verified: bool,
) -> int | None:
    """Return the new count of the authenticator, None where the answer proves nothing.

    That is so where it is of another challenge, host or page, its signature is not the passkey's,
    or its count has not gone on: then there are two of what should be one.
    """
    credential = {
        "id": given.id,
        "rawId": given.raw_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": given.client_data,
            "authenticatorData": given.authenticator_data,
            "signature": given.signature,
            "userHandle": given.user_handle,
        },
    }
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=read_base64(challenge),
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=verified,
        )
    except Exception as error:  # whatever it stumbles over proves nothing, and is refused
        log.info("passkey_not_proved", passkey=passkey.id, error=repr(error))
        return None
    return found.new_sign_count


def bytes_of(text: str) -> bytes | None:
    """Return the bytes of base64url, None for a text that is none."""
    try:
        return read_base64(text)
    except ValueError:
        return None


def read_base64(text: str) -> bytes:
    """Return the bytes of base64url without padding (RFC 4648, section 5); raises ValueError."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except NotBase64 as error:
        raise ValueError(str(error)) from None
