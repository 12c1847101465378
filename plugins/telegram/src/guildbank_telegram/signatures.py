"""The three ways in which Telegram vouches for data.

Sources: core.telegram.org/bots/webapps (validating data received via the Mini App, for
third-party use) and core.telegram.org/widgets/login-legacy (checking authorization).
"""

import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from guildbank_telegram.fields import check_string

PUBLIC_KEYS = {
    "production": "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d",
    "test": "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec",
}
"""Telegram's Ed25519 keys by environment, as its documentation prints them."""
_HEX = re.compile(r"[0-9a-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9_-]{86}(==)?")


def signed_for_web_app(fields: Mapping[str, str], bot_token: str) -> bool:
    """Say whether the hash is one of who knows the bot's token."""
    key = hmac.digest(b"WebAppData", bot_token.encode(), "sha256")
    return _has_hash(fields, key)


def signed_for_widget(fields: Mapping[str, str], bot_token: str) -> bool:
    """The same for the login widget, which makes its key in another way."""
    return _has_hash(fields, sha256(bot_token.encode()).digest())


def signed_by_telegram(fields: Mapping[str, str], bot_id: str, public_key: str) -> bool:
    """Say whether Telegram itself signed the data for this bot, so that no token is needed."""
    signature = fields.get("signature", "")
    if not _BASE64.fullmatch(signature):
        return False
    text = f"{bot_id}:WebAppData\n{check_string(fields, 'hash', 'signature')}"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    try:
        key.verify(urlsafe_b64decode(signature.rstrip("=") + "=="), text.encode())
    except InvalidSignature:
        return False
    return True


def _has_hash(fields: Mapping[str, str], key: bytes) -> bool:
    given = fields.get("hash", "")
    made = hmac.new(key, check_string(fields, "hash").encode(), "sha256").hexdigest()
    return _HEX.fullmatch(given) is not None and hmac.compare_digest(given, made)
