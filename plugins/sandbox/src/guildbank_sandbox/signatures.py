"""Decides whether a webhook's bytes come from whoever holds the secret, and how old they are."""

import hashlib
import hmac
import re
from datetime import datetime

from guildbank.plugin_api import WebhookRejected

HEADER = "sandbox-signature"
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 8

_TIME = re.compile(r"t=([0-9]{1,12})", re.ASCII)
_MARK = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)


def check(header: str | None, body: bytes, secret: str, now: datetime) -> WebhookRejected | None:
    """Return why the webhook is not believed, or None if it is genuine and fresh.

    The header is `t=<unix seconds>,v1=<hex>[,v1=<hex>...]`; each `v1` is the HMAC-SHA256 of
    `{t}.{raw body}`, and one good one is enough, so that secrets can rotate. This is Stripe's
    scheme (https://docs.stripe.com/webhooks#verify-manually); parts of other versions are skipped.
    """
    if not secret:
        return WebhookRejected(code="bad_signature", detail="No webhook secret is configured.")
    if header is None:
        return WebhookRejected(code="malformed", detail=f"The header {HEADER} is missing.")
    parts = header.split(",", MAX_SIGNATURES + 1)
    time_parts = [part for part in parts if part.startswith("t=")]
    marks = [part for part in parts if part.startswith("v1=")]
    stamp = _TIME.fullmatch(time_parts[0]) if len(time_parts) == 1 else None
    if stamp is None or not marks or any(_MARK.fullmatch(mark) is None for mark in marks):
        return WebhookRejected(code="malformed", detail=f"The header {HEADER} is not readable.")
    signed = stamp.group(1).encode() + b"." + body
    expected = "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # Every mark is compared, so the time taken does not say which one was right.
    genuine = sum(hmac.compare_digest(mark, expected) for mark in marks)
    if not genuine:
        return WebhookRejected(code="bad_signature", detail="No signature matches the body.")
    # Only a genuine time stamp is worth reading.
    if abs(int(now.timestamp()) - int(stamp.group(1))) > TOLERANCE_SECONDS:
        return WebhookRejected(
            code="too_old", detail=f"The webhook was not sent within {TOLERANCE_SECONDS} s of now."
        )
    return None
