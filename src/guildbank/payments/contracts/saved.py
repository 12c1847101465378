"""The rows of what providers keep for players: customers, and the methods that pay again."""

from datetime import datetime
from enum import StrEnum

import msgspec

MAX_METHODS = 10
"""Methods of one player, over all providers."""

CUSTOMER_OPENING = "payments.customer_opening"
CUSTOMER_OPENED = "payments.customer_opened"
CUSTOMER_CHECKED = "payments.customer_checked"
CUSTOMER_FORGOTTEN = "payments.customer_forgotten"
METHOD_SAVED = "payments.method_saved"
METHOD_NOT_SAVED = "payments.method_not_saved"
METHOD_UPDATED = "payments.method_updated"
METHOD_REMOVED = "payments.method_removed"
METHOD_DETACHED = "payments.method_detached"
METHOD_DROPPED = "payments.method_dropped"


class CustomerState(StrEnum):
    """Where a provider's customer stands."""

    OPENING = "opening"
    """Asked for; the provider may or may not have made it."""
    OPEN = "open"
    FORGETTING = "forgetting"
    """Its player was erased; the provider is yet to let go of it."""
    FORGOTTEN = "forgotten"


class MethodState(StrEnum):
    """Where a saved method stands; only one that is saved pays."""

    SAVED = "saved"
    REMOVING = "removing"
    """It pays no more; the provider is yet to let go of it."""
    REMOVED = "removed"


class Saving(StrEnum):
    """What becomes of the method that an attempt is paid by, where the player agreed to keep it."""

    ASKED = "asked"
    KEPT = "kept"
    NOT_KEPT = "not_kept"


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a provider keeps methods: a player, at the tenant's account with the provider.

    `sealed` is the provider's own name under the tenant's key, by which it can let go of all when
    the person's key is gone. `here` says whether the account in the settings was found to have it,
    `checked_at` when. `state_version` is that of the plugin which made it: who goes on reads it.
    """

    id: str
    player_id: str
    provider: str
    state: CustomerState
    here: bool
    sealed: bytes | None
    created_at: datetime
    checked_at: datetime
    changed_at: datetime
    state_version: int = 1


class PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A method that a provider keeps for a player; `sealed` is a SavedMethod under their key.

    `consented_by` agreed to it, at `consented_at`, with the payment `payment_id`. `mark` is a keyed
    hash of the provider's name of it, `twin` one by which the same card is known when it is saved
    again. `code` says why it was removed.
    """

    id: str
    player_id: str
    provider: str
    customer_id: str
    payment_id: str
    state: MethodState
    sealed: bytes | None
    mark: str | None
    twin: str | None
    consented_by: str
    consented_at: datetime
    created_at: datetime
    changed_at: datetime
    code: str | None = None
