"""Signs messages as Standard Webhooks has it, so that libraries in every language verify them.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret of Standard Webhooks begins with
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
SECRET_PATTERN = r"whsec_[A-Za-z0-9+/]{32,86}={0,2}"  # noqa: S105 - the shape of one, and none
"""What a settings schema can say of a secret."""


class BadSecret(Exception):
    """A secret is not what Standard Webhooks calls one. The message does not show it."""


def read_secrets(secrets: str) -> tuple[bytes, ...]:
    """Return the keys of one secret or more, spaces between; raises BadSecret.

    The same secret twice is refused: it would be kept when it is thought to be replaced.
    """
    keys = tuple(_key(secret) for secret in secrets.split(" "))
    if len(set(keys)) < len(keys):
        raise BadSecret("The same secret stands there twice.")
    return keys


def signed(keys: Sequence[bytes], id_: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a JSON message that its receiver can verify.

    A receiver accepts a message that any of its signatures fits, so a secret is replaced by signing
    under the old key and the new one for a while.
    """
    at = str(int(now.timestamp()))
    content = f"{id_}.{at}.".encode() + body
    macs = (base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys)
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{mac}" for mac in macs),
    }


def _key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        raise BadSecret(f"A secret begins with {SECRET_PREFIX}.")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret(f"What follows {SECRET_PREFIX} is not base64.") from None
    if not LEAST_SECRET_BYTES <= len(key) <= MOST_SECRET_BYTES:
        raise BadSecret(
            f"A secret has {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes; this has {len(key)}."
        )
    return key
