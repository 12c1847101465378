"""Slows down who guesses passwords, and nobody else: by account, by address, and by known device.

A try is counted before its password is looked at, so that a thousand at once are not let through
together; a success takes it back, and a failure needs no word. After some free tries each next one
waits twice as long as the last, up to a bound.

The account's counter alone would let anybody lock its owner out. So a device that has signed in to
the account holds a token (the device cookie of OWASP's "Slow Down Online Guessing Attacks with
Device Cookies"): a try with it counts on that device alone, and is stopped by neither the account's
counter nor the address's. The token is bound to the account, so it helps with no other.
"""

import base64
import secrets
from binascii import Error as NotBase64
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING

import msgspec
import structlog

from guildbank.infra.limits.stores import Growth, Store, StoreAway
from guildbank.kernel import Refusal

if TYPE_CHECKING:
    from guildbank.infra.http.client_address import ClientAddress

log = structlog.get_logger("guildbank.limits")

_MINUTE, _DAY = 60, 86_400
BY_ACCOUNT = Growth(
    free_tries=5, first_seconds=1, longest_seconds=15 * _MINUTE, forget_seconds=_DAY
)
BY_DEVICE = BY_ACCOUNT
BY_ADDRESS = Growth(
    free_tries=50, first_seconds=1, longest_seconds=15 * _MINUTE, forget_seconds=_DAY
)
"""A school or an office signs in from one address, so it has more free tries."""
_HOUR = 3_600
SUSPECT_ACCOUNT = Growth(
    free_tries=3, first_seconds=_HOUR, longest_seconds=_HOUR, forget_seconds=_HOUR
)
SUSPECT_ADDRESS = Growth(
    free_tries=20, first_seconds=_HOUR, longest_seconds=_HOUR, forget_seconds=_HOUR
)
"""From here on a captcha is asked for, where the tenant has one; long before tries are slow."""
_NONCE_BYTES, _MAC_BYTES = 16, 16
_MAX_TOKEN = 64

Hash = Callable[[bytes, bytes], bytes]
"""`hash(purpose, value)`, keyed: `Vault.hash`."""


class Throttle:
    """The counters of sign-in, shared by all workers and kept by the store when one restarts."""

    def __init__(self, store: Store, hash_: Hash) -> None:
        self._store = store
        self._hash = hash_

    async def check(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> Refusal | None:
        """Count a try and return None, or count nothing and return `login_throttled`.

        Ask before the password is looked at, with the account's name as it is compared (folded),
        whether or not there is such an account. `device` is the token that the caller kept from
        an earlier success; anything else counts as none. The refusal's `retryAfterSeconds` says
        how long to wait. Raises StoreAway, on which nobody may be let in.
        """
        wait = await self._store.begin_try(self._counters(tenant_id, account, address, device))
        if wait == 0:
            return None
        return Refusal(
            code="login_throttled",
            detail=f"Too many tries to sign in. Wait {wait} seconds, then try again.",
            extra={"retryAfterSeconds": wait},
        )

    async def succeeded(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> str:
        """Take the try back and return the device's token, to be kept by the caller.

        The counter of the account (of a known device: its own) begins anew. That of the address
        loses this try only, or whoever has an account could guess at others without end.
        """
        counters = self._counters(tenant_id, account, address, device)
        try:
            for key, growth in counters:
                if growth is BY_ADDRESS:
                    await self._store.take_back_try(key, growth)
                else:
                    await self._store.forget_tries(key)
        except StoreAway as error:
            # The password was right; what stays counted is forgotten in time.
            log.warning("login_success_not_counted", error=str(error))
        known = self._nonce(tenant_id, account, device)
        if known is not None and device is not None:
            return device
        return self._token(tenant_id, account, secrets.token_bytes(_NONCE_BYTES))

    async def excuse(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> None:
        """Take the try back of who was right, and no more: others' guesses stay counted.

        For who signs in to an account that only claims the name: its password must not begin the
        counters of the owner's anew.
        """
        try:
            for key, growth in self._counters(tenant_id, account, address, device):
                await self._store.take_back_try(key, growth)
        except StoreAway as error:
            log.warning("login_success_not_counted", error=str(error))

    def token_of(self, tenant_id: str, account: str, device: str | None) -> str:
        """Return the token that the device has of the account, or a new one; counts nothing."""
        if device is not None and self.knows(tenant_id, account, device):
            return device
        return self._token(tenant_id, account, secrets.token_bytes(_NONCE_BYTES))

    def token_for(self, tenant_id: str, account: str, name: str) -> str:
        """Return the token of this account for a device that is known otherwise, by `name`.

        The name must be one that nobody can choose: of each, guesses have a counter of their own.
        """
        nonce = self._hash(b"login device name", name.encode())[:_NONCE_BYTES]
        return self._token(tenant_id, account, nonce)

    async def suspects(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> bool:
        """Count a try, and say whether so many came before it that a captcha should be solved.

        A known device is not suspected. Raises StoreAway.
        """
        if self.knows(tenant_id, account, device):
            return False
        counters = [
            (self._key("suspect account", tenant_id, account), SUSPECT_ACCOUNT),
            (self._key("suspect address", tenant_id, address.rate_key), SUSPECT_ADDRESS),
        ]
        return await self._store.begin_try(counters) > 0

    async def trust(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> None:
        """Take back what `suspects` counted of a try that succeeded."""
        if self.knows(tenant_id, account, device):
            return
        try:
            await self._store.forget_tries(self._key("suspect account", tenant_id, account))
            await self._store.take_back_try(
                self._key("suspect address", tenant_id, address.rate_key), SUSPECT_ADDRESS
            )
        except StoreAway as error:
            log.warning("login_success_not_counted", error=str(error))

    def knows(self, tenant_id: str, account: str, device: str | None) -> bool:
        """Say whether the token is one that `succeeded` gave for this account."""
        return self._nonce(tenant_id, account, device) is not None

    def _counters(
        self, tenant_id: str, account: str, address: "ClientAddress", device: str | None
    ) -> list[tuple[bytes, Growth]]:
        nonce = self._nonce(tenant_id, account, device)
        if nonce is not None:
            return [(self._key("device", tenant_id, account, nonce.hex()), BY_DEVICE)]
        return [
            (self._key("account", tenant_id, account), BY_ACCOUNT),
            (self._key("address", tenant_id, address.rate_key), BY_ADDRESS),
        ]

    def _key(self, *parts: str) -> bytes:
        # As a list of strings, so that no two lists read the same.
        return self._hash(b"login throttle", msgspec.json.encode(parts))[:16]

    def _token(self, tenant_id: str, account: str, nonce: bytes) -> str:
        named = msgspec.json.encode((tenant_id, account, nonce.hex()))
        mac = self._hash(b"login device", named)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(nonce + mac).rstrip(b"=").decode()

    def _nonce(self, tenant_id: str, account: str, device: str | None) -> bytes | None:
        if device is None or len(device) > _MAX_TOKEN or not device.isascii():
            return None
        try:
            raw = base64.urlsafe_b64decode(device + "=" * (-len(device) % 4))
        except (NotBase64, ValueError):
            return None
        nonce = raw[:_NONCE_BYTES]
        if len(raw) != _NONCE_BYTES + _MAC_BYTES:
            return None
        return nonce if compare_digest(self._token(tenant_id, account, nonce), device) else None
