"""Whose signature is believed: Apple's, or that of a lab, as Apple's own library checks it.

The library is not let ask Apple whether a certificate was recalled: it would open connections of
its own, over plain HTTP. What is signed is a hint here; what is booked was fetched from Apple
by TLS, with the key of the app.
"""

from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.JWSRenewalInfoDecodedPayload import JWSRenewalInfoDecodedPayload
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import ResponseBodyV2DecodedPayload
from appstoreserverlibrary.signed_data_verifier import (
    SignedDataVerifier,
    VerificationException,
    VerificationStatus,
)

from guildbank.kernel import epoch_ms
from guildbank_appstore.settings import Settings

T = TypeVar("T")
# Apple Root CA - G3, from https://www.apple.com/certificateauthority/ . Its SHA-256 is
# 63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179.
APPLE_ROOT = b64decode(
    "MIICQzCCAcmgAwIBAgIILcX8iNLFS5UwCgYIKoZIzj0EAwMwZzEbMBkGA1UEAwwSQXBwbGUgUm9vdCBDQSAtIEczMSYw"
    "JAYDVQQLDB1BcHBsZSBDZXJ0aWZpY2F0aW9uIEF1dGhvcml0eTETMBEGA1UECgwKQXBwbGUgSW5jLjELMAkGA1UEBhMC"
    "VVMwHhcNMTQwNDMwMTgxOTA2WhcNMzkwNDMwMTgxOTA2WjBnMRswGQYDVQQDDBJBcHBsZSBSb290IENBIC0gRzMxJjAk"
    "BgNVBAsMHUFwcGxlIENlcnRpZmljYXRpb24gQXV0aG9yaXR5MRMwEQYDVQQKDApBcHBsZSBJbmMuMQswCQYDVQQGEwJV"
    "UzB2MBAGByqGSM49AgEGBSuBBAAiA2IABJjpLz1AcqTtkyJygRMc3RCV8cWjTnHcFBbZDuWmBSp3ZHtfTjjTuxxEtX/1"
    "H7YyYl3J6YRbTzBPEVoA/VhYDKX1DyxNB0cTddqXl5dvMVztK517IDvYuVTZXpmkOlEKMaNCMEAwHQYDVR0OBBYEFLuw"
    "3qFYM4iapIqZ3r6966/ayySrMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMDA2gAMGUC"
    "MQCD6cHEFl4aXTQY2e3v9GwOAEZLuN+yRhHFD/3meoyhpmvOwgPUnPWTxnS4at+qIxUCMG1mihDK1A3UT82NQz60imOl"
    "M27jbdoXt2QfyFMm+YhidDkLF1vLUagM6BgD56KyKA=="
)
CLOCKS_DIFFER = timedelta(minutes=5)
LONGEST = 16_000
"""Characters of something signed; Apple's have some six thousand."""


class Doubted(Exception):
    """Something signed that is not believed: a code of webhooks, and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


_REASONS = {
    VerificationStatus.INVALID_APP_IDENTIFIER: ("wrong_account", "It is about another app."),
    VerificationStatus.INVALID_ENVIRONMENT: ("wrong_account", "It is of another environment."),
}
_FORGED = ("bad_signature", "It is not signed by Apple.")


def read_transaction(
    settings: Settings, environment: Environment, signed: str, now: datetime
) -> JWSTransactionDecodedPayload:
    """Return a signed transaction of the app in this environment; raises Doubted."""
    verifier = _verifier(settings, environment)
    found = _believed(verifier.verify_and_decode_signed_transaction, signed)
    _check_age(found.signedDate, now, None)
    return found


def read_renewal(
    settings: Settings, environment: Environment, signed: str, now: datetime
) -> JWSRenewalInfoDecodedPayload:
    """Return what is signed about the next renewal of a subscription; raises Doubted."""
    verifier = _verifier(settings, environment)
    found = _believed(verifier.verify_and_decode_renewal_info, signed)
    _check_age(found.signedDate, now, None)
    return found


def read_notification(
    settings: Settings, environment: Environment, signed: str, now: datetime, oldest: timedelta
) -> ResponseBodyV2DecodedPayload:
    """Return a signed notification about the app in this environment; raises Doubted."""
    verifier = _verifier(settings, environment)
    found = _believed(verifier.verify_and_decode_notification, signed)
    _check_age(found.signedDate, now, oldest)
    return found


def _believed(read: Callable[[str], T], signed: str) -> T:
    """Return what the library reads; raises Doubted."""
    if len(signed) > LONGEST or signed.count(".") != 2:
        raise Doubted("malformed", "It is nothing signed.")
    try:
        return read(signed)
    except VerificationException as error:
        raise Doubted(*_REASONS.get(error.status, _FORGED)) from None
    except Exception:  # what is signed and has fields of other types
        raise Doubted("malformed", "It cannot be read.") from None


def _check_age(signed_ms: object, now: datetime, oldest: timedelta | None) -> None:
    """Refuse what has no time, one of the future, or one too long ago.

    Without its time the library would look at certificates as of now.
    """
    if not isinstance(signed_ms, int):
        raise Doubted("malformed", "It does not say when it was signed.")
    if signed_ms > epoch_ms(now + CLOCKS_DIFFER):
        raise Doubted("too_old", "It was signed in the future: set the clock right.")
    if oldest is not None and signed_ms < epoch_ms(now - oldest):
        raise Doubted("too_old", "It was signed too long ago.")


def _verifier(settings: Settings, environment: Environment) -> SignedDataVerifier:
    root = settings.root() or APPLE_ROOT
    return SignedDataVerifier([root], False, environment, settings.bundle_id, settings.app_apple_id)
