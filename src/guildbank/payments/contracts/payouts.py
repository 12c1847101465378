"""What crosses the room of payouts: terms of a currency, destinations, payouts and commands."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

MAX_DESTINATIONS = 5
"""Destinations of one player, over all providers."""
MAX_OPEN_PAYOUTS = 10
"""Payouts of one player that have not ended."""

PAYOUT_TERMS_SET = "payments.payout_terms_set"
DESTINATION_ADDED = "payments.payout_destination_added"
DESTINATION_REMOVED = "payments.payout_destination_removed"
DESTINATION_SEEN = "payments.payout_destination_seen"
PAYOUT_REQUESTED = "payments.payout_requested"
PAYOUT_APPROVED = "payments.payout_approved"
PAYOUT_REJECTED = "payments.payout_rejected"
PAYOUT_CANCELED = "payments.payout_canceled"
PAYOUT_HELD = "payments.payout_held"
PAYOUT_SENDING = "payments.payout_sending"
PAYOUT_PENDING = "payments.payout_pending"
PAYOUT_UNKNOWN = "payments.payout_unknown"
PAYOUT_PAID = "payments.payout_paid"
PAYOUT_FAILED = "payments.payout_failed"
PAYOUT_RETURNED = "payments.payout_returned"
TOLD_OF_PAYOUTS = (
    PAYOUT_REQUESTED, PAYOUT_REJECTED, PAYOUT_CANCELED, PAYOUT_PAID, PAYOUT_FAILED, PAYOUT_RETURNED,
)  # fmt: skip
"""What callback steps of the pipeline of payouts are told."""


class PayoutState(StrEnum):
    """Where a payout stands; its coins are taken from the beginning."""

    WAITING = "waiting"
    """A person has to agree first."""
    REQUESTED = "requested"
    """To be sent; nothing has left."""
    SENDING = "sending"
    """Recorded; the request may or may not have left."""
    PENDING = "pending"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    """Paid, and the money came back."""
    CANCELED = "canceled"
    REJECTED = "rejected"


class DestinationState(StrEnum):
    """Whether money can be sent there."""

    OPEN = "open"
    REMOVED = "removed"


class PayoutTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How coins of a currency are paid out: `amount_minor` of `money` for each `per_coins`.

    Only coins of these `buckets` that have been the player's for `window_days` are; with
    `is_open` false nothing is. A payout of more than `review_above_minor` waits for a person, and
    none does where it is None.
    """

    currency: str
    is_open: bool
    money: str
    amount_minor: int
    per_coins: int
    least_coins: int
    most_coins: int
    window_days: int = 14
    buckets: tuple[str, ...] = ("free",)
    review_above_minor: int | None = 0


class StoredDestination(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a player wants money; `sealed` is a KeptDestination under the person's key.

    `state_version` is that of the plugin which read it: who pays there must read it too.
    """

    id: str
    player_id: str
    provider: str
    state: DestinationState
    sealed: bytes | None
    added_by: str
    created_at: datetime
    changed_at: datetime
    state_version: int = 1


class KeptDestination(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a destination, in clear."""

    kind: str
    label: str
    details: Mapping[str, str]


class TakenCoins(msgspec.Struct, frozen=True, array_like=True):
    """Coins that leg `leg` of the payout's entry took, from `start` on the FIFO axis on."""

    bucket: str
    leg: int
    start: int
    amount: int


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Coins on their way to money. `destination` is a copy, sealed under the person's key.

    `request` is what the provider is asked, kept before it was sent, without where to; `taken` are
    the TakenCoins of the entry `taken_seq` as JSON. `answers` is what the hooks of `revision` said.
    `by` asked for it; `decided_by` agreed or did not, for a `sealed_reason`. `state_version` is its
    destination's.
    """

    id: str
    player_id: str
    state: PayoutState
    currency: str
    coins: int
    money: str
    amount_minor: int
    provider: str
    destination_id: str
    destination: bytes | None
    request: str
    taken_seq: int
    taken: str
    reference: str | None
    code: str | None
    revision: int | None
    answers: str
    by: str
    decided_by: str | None
    sealed_reason: bytes | None
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None
    state_version: int = 1


class PayoutCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Pay `coins` of a player's `currency` out to one of their destinations."""

    player_id: str
    currency: str
    coins: int
    destination_id: str


class ApproveCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Agree to a payout; `reason` is the salted hash of why, where there is a reason."""

    payout_id: str
    reason: str | None = None
