"""What a provider may do besides its slot: keep a player's method of payment, and charge it again.

`SavesMethods` is a capability of payment providers, named `saved_methods` in the manifest. The core
keeps what the provider calls its customers and methods, sealed, and never a number of a card. All
verbs are safe to call again, and whatever one raises leaves open what happened.
"""

from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context

SAVED_METHODS = "saved_methods"
"""The capability's name in the manifest."""


class CustomerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a provider keeps methods: one customer for each player at an account.

    The same `idempotency_key` always comes with the same `customer_id`, which is ours, and the same
    player. `requested_at` is when it was asked for first: a provider that forgets keys sooner than
    that looks for what may be there. `reference` is the provider's own name, once it is known.
    """

    customer_id: str
    player_id: str
    idempotency_key: str
    requested_at: datetime
    reference: str | None = None


class SavedMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A method that a provider keeps, as people know it: never by its number.

    `reference` is the provider's own name of it. `fingerprint` is the same for the same card
    however often it is saved, where the provider can tell.
    """

    reference: str
    kind: str = "card"
    brand: str | None = None
    last_four: str | None = None
    expires_year: int | None = None
    expires_month: int | None = None
    fingerprint: str | None = None


@runtime_checkable
class SavesMethods(Protocol):
    """Keeps methods for customers; a payment request's `on_file` says what it has to do with them.

    A payment with `on_file.keep` leaves the method that paid it with the customer, one with
    `on_file.method` is charged to that one, while its player is there to confirm it.
    """

    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        """Return the provider's name of the customer, made now or by an earlier call."""
        ...

    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        """Say whether the account in the settings is the one that has this customer."""
        ...

    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        """Let go of the customer and of all methods that are kept for it."""
        ...

    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        """Return the method that the paid payment `reference` left, None where it left none."""
        ...

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        """Return how a method stands, None where the customer has it no more."""
        ...

    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        """Let go of a method for good: it pays nothing from then on."""
        ...
