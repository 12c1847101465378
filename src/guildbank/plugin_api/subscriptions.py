"""How a store is asked about a subscription: what renewed it, and how it stands.

`Subscribes` is a capability of payment providers that are `sold_by_store`, named `subscriptions` in
the manifest. Each renewal is a purchase of its own, which the store names; that of the first period
is confirmed as any other purchase, and its outcome has a `Period`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context, ProviderEvent

SUBSCRIPTIONS = "subscriptions"
"""The capability's name in the manifest."""


class SubscriptionState(StrEnum):
    """Where a subscription stands at its store."""

    ACTIVE = "active"
    """Paid for, until its period ends; whether it renews then is told apart."""
    GRACE = "grace"
    """A renewal was not paid, and the store lets the player go on while it tries again."""
    RETRYING = "retrying"
    """A renewal was not paid, and the store tries again."""
    PAUSED = "paused"
    EXPIRED = "expired"
    REVOKED = "revoked"
    """The store took it back before its period ended."""


ENDED_STATES = frozenset({SubscriptionState.EXPIRED, SubscriptionState.REVOKED})


class SubscriptionStand(msgspec.Struct, frozen=True, kw_only=True):
    """How a subscription stands: until when it is paid for, and whether it renews by itself.

    `events` are its purchases as payments, and what went back of them as refunds, as webhooks would
    bring them: each names its attempt and its purchase, and the same purchase always has the same
    `external_id`.
    """

    state: SubscriptionState
    ends_at: datetime
    renews: bool
    events: tuple[ProviderEvent, ...] = ()


@runtime_checkable
class Subscribes(Protocol):
    """A store that sells subscriptions."""

    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        """Say how a subscription stands, with all that was bought by it since this time.

        At most 1,000 events, and it may tell of what is known. None where the store has no such
        subscription. Raises when the store gave no answer that can be used.
        """
        ...
