"""The public keys of issuers: kept for an hour, asked again for an unknown one once a minute."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from guildbank.plugin_api import SignInContext
from guildbank_oidc.memory import Memory
from guildbank_oidc.wire import fetch

LIFETIME = timedelta(hours=1)
ASK_AGAIN = timedelta(minutes=1)
MAX_KEYS = 64
MIN_RSA_DIGITS = 342
"""Of a modulus of 2048 bits in base64url."""

Key = RSAKey | ECKey
_KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}


class KeyRing:
    """Finds the key that a token names.

    An issuer that changes its keys is followed within a minute, and a stranger who invents key
    ids makes us ask it no more often than that.
    """

    def __init__(self) -> None:
        self._known: Memory[Sequence[Key]] = Memory(LIFETIME)
        self._asked: Memory[bool] = Memory(ASK_AGAIN)

    async def find(
        self, context: SignInContext, address: str, key_id: str | None, algorithm: str
    ) -> Key | None:
        """Return the issuer's key of this id and for this algorithm; raises NoAnswer.

        Without an id there must be exactly one that fits.
        """
        tenant, now = context.tenant, context.now
        keys = self._known.get(tenant, address, now)
        found = None if keys is None else _choose(keys, key_id, algorithm)
        if found is None and (keys is None or not self._asked.get(tenant, address, now)):
            self._asked.put(tenant, address, now, True)
            keys = read_keys(await fetch(context, address))
            self._known.put(tenant, address, now, keys)
            found = _choose(keys, key_id, algorithm)
        return found


def read_keys(document: dict[str, Any]) -> list[Key]:
    """Return the keys of a JWK set (RFC 7517) that may sign; those that cannot be used are not."""
    entries = document.get("keys")
    found: list[Key] = []
    for entry in entries[:MAX_KEYS] if isinstance(entries, list) else ():
        key = _read(entry) if isinstance(entry, dict) else None
        if key is not None:
            found.append(key)
    return found


def _read(entry: dict[str, Any]) -> Key | None:
    kind = _KINDS.get(str(entry.get("kty")))
    if kind is None or entry.get("use", "sig") != "sig":
        return None
    if kind is RSAKey and len(str(entry.get("n", ""))) < MIN_RSA_DIGITS:
        return None
    try:
        key = kind.import_key(entry)
        # Reads the numbers: what is no key fails here and not at the first token.
        _ = key.public_key
    except (JoseError, ValueError, TypeError):
        return None
    return key


def _choose(keys: Sequence[Key], key_id: str | None, algorithm: str) -> Key | None:
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    fitting = [
        key
        for key in keys
        if key.key_type == kind
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]
    return fitting[0] if len(fitting) == 1 else None
