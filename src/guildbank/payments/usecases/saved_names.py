"""What providers call customers and methods: sealed at rest, known again by keyed hashes."""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple, TypeVar

import msgspec
import structlog

from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.refusals_saved import CUSTOMER_SILENT
from guildbank.payments.contracts.saved import Customer, PaymentMethod
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line
from guildbank.plugin_api import SAVED_METHODS, SavedMethod, SavesMethods

log = structlog.get_logger(__name__)
T = TypeVar("T")
HASHED_BYTES = 16
_METHOD = msgspec.json.Decoder(SavedMethod)


class Names(NamedTuple):
    """Seals the names of customers under the tenant's key, and hashes those of methods."""

    tenant_id: str
    key: DataKey

    def seal(self, customer_id: str, reference: str) -> bytes:
        """Return a customer's name as it is stored."""
        return self.key.seal(self._place(customer_id), reference.encode())

    def open(self, customer: Customer) -> str | None:
        """Return a customer's name, None where its provider has not told it; raises SealBroken."""
        if customer.sealed is None:
            return None
        return self.key.open(self._place(customer.id), customer.sealed).decode()

    def mark(self, provider: str, reference: str) -> str:
        """Return by what a method is known again when its provider names it."""
        return self._hash(b"payment method", provider, reference)

    def twin(self, provider: str, fingerprint: str | None) -> str | None:
        """Return by what the same card is known again when it is saved anew."""
        return None if fingerprint is None else self._hash(b"payment card", provider, fingerprint)

    def _hash(self, use: bytes, provider: str, word: str) -> str:
        return self.key.hash(use, f"{provider}\0{word}".encode())[:HASHED_BYTES].hex()

    def _place(self, customer_id: str) -> bytes:
        return f"payments_customer.sealed:{self.tenant_id}:{customer_id}".encode()


async def names_of(payments: Payments, tenant: TenantRef) -> Names:
    """Return what seals and hashes; not for the inside of a transaction."""
    key = await payments.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    return Names(tenant.id, key)


async def open_method(
    payments: Payments, tenant: TenantRef, method: PaymentMethod
) -> SavedMethod | None:
    """Return what is known of a method, None once it or its person is forgotten."""
    if method.sealed is None:
        return None
    opened = await payments.persons.reveal(tenant, method.player_id, method.sealed)
    return None if opened is None else _METHOD.decode(opened)


def keeper(line: Line) -> SavesMethods | None:
    """Return the provider as one that keeps methods, None where it keeps none."""
    plugin = line.plugin
    declared = SAVED_METHODS in line.manifest.capabilities
    return plugin if declared and isinstance(plugin, SavesMethods) else None


async def ask_keeper(line: Line, call: Awaitable[T]) -> T | Refusal:
    """Return what the provider says, `provider_silent` where it does not."""
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            return await call
    except Exception as error:  # whatever it raises, only the provider knows
        log.warning("keeper_silent", plugin=line.manifest.id, error=fault_of(line, error))
        return CUSTOMER_SILENT


def is_sound(method: SavedMethod) -> bool:
    """Say whether a method can be stored and shown: short words, and no number of a card."""
    words = (method.reference, method.kind, method.brand, method.fingerprint)
    four = method.last_four
    year, month = method.expires_year, method.expires_month
    return (
        all(word is None or storable(word) for word in words)
        and (four is None or (len(four) == 4 and four.isascii() and four.isdigit()))
        and (year is None or 2000 <= year < 10_000)
        and (month is None or 1 <= month <= 12)
    )
