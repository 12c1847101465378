"""Signs as Standard Webhooks says (standardwebhooks.com), so that their libraries verify it."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


class BadSecret(Exception):
    """A secret is not what Standard Webhooks calls one. The message does not show it."""


def read_secrets(secrets: str) -> Sequence[bytes]:
    """Return the keys of one secret or more, spaces between; raises BadSecret."""
    return [_key(secret) for secret in secrets.split(" ")]


def sign(keys: Sequence[bytes], id_: str, timestamp: str, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature of version 1 for each key.

    A receiver accepts a message that any of them fits, so a secret is replaced by signing with the
    old one and the new one for a while.
    """
    signed = f"{id_}.{timestamp}.".encode() + body
    macs = (base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys)
    return " ".join(f"v1,{mac}" for mac in macs)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret("What follows whsec_ is not base64.") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret(f"A secret has {LEAST_BYTES} to {MOST_BYTES} bytes; this has {len(key)}.")
    return key
