"""Signs the question as Standard Webhooks has it, so that libraries in every language verify it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from datetime import datetime
from hashlib import sha256

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


def key_of(secret: str) -> bytes | None:
    """Return the key in a secret, None where it is none that both sides would read alike."""
    if not secret.startswith(PREFIX):
        return None
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if LEAST_BYTES <= len(key) <= MOST_BYTES else None


def signed(key: bytes, id_: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message that its receiver can verify."""
    at = str(int(now.timestamp()))
    mac = hmac.digest(key, f"{id_}.{at}.".encode() + body, sha256)
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }
