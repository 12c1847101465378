"""PayPal's webhooks: believed only when signed by PayPal for this very webhook, and not long ago.

The signature is RSA with SHA-256 over `transmissionId|time|webhookId|crc32`, the last in decimal
(https://developer.paypal.com/api/rest/webhooks/rest/#link-webhooksignatureverification).
"""

import re
import zlib
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from guildbank.plugin_api import Context, NoAnswer, WebhookRejected
from guildbank_paypal.certificates import Certificates, NotTrusted, is_pinned
from guildbank_paypal.settings import Settings

_OLDEST = timedelta(days=4)
"""PayPal tries 25 times over three days, and whether the time is the first try's it does not say.
A replay changes nothing meanwhile: an event is handled once, and payments are fetched."""
_AHEAD = timedelta(minutes=5)
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_ALGORITHM = "sha256withrsa"
_LONGEST_SIGNATURE = 2_048


async def check(
    context: Context,
    settings: Settings,
    certificates: Certificates,
    headers: Mapping[str, str],
    body: bytes,
) -> WebhookRejected | None:
    """Return why these bytes are not believed, None when they are.

    What costs nothing is looked at first, because anyone can make us fetch a certificate.
    """
    transmission, at, url, signature = (
        headers.get(f"paypal-{name}", "")
        for name in ("transmission-id", "transmission-time", "cert-url", "transmission-sig")
    )
    if headers.get("paypal-auth-algo", "").lower() != _ALGORITHM:
        return _bad("the algorithm is not SHA256withRSA")
    if not _ID.fullmatch(transmission) or not _TIME.fullmatch(at):
        return _bad("a header of the signature is missing or cannot be read")
    try:
        sent = datetime.fromisoformat(at).astimezone(UTC)
        proof = b64decode(signature[:_LONGEST_SIGNATURE], validate=True)
    except (ValueError, NoBase64):
        return _bad("a header of the signature cannot be read")
    if not is_pinned(settings, url):
        return _bad("the certificate's address is none of PayPal's")
    if not -_AHEAD < context.now - sent < _OLDEST:
        return WebhookRejected(code="too_old", detail="sent more than four days ago, or ahead")
    signed = f"{transmission}|{at}|{settings.webhook_id}|{zlib.crc32(body)}"
    try:
        key = await certificates.key(context, settings, url)
        key.verify(proof, signed.encode(), PKCS1v15(), SHA256())
    except NotTrusted as error:
        return _bad(str(error))
    except NoAnswer:
        # Refused, so that PayPal sends it again.
        return _bad("PayPal's certificate cannot be fetched now")
    except InvalidSignature:
        return _bad("the signature does not fit the body or the webhook id")
    return None


def _bad(detail: str) -> WebhookRejected:
    return WebhookRejected(code="bad_signature", detail=detail)
