"""Recall what a player bought of late, for the gates of pipelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, SystemClock
from guildbank.payments import purchases as store
from guildbank.payments.contracts.rows import IntentState
from guildbank.plugin_api import (
    MAX_PAST,
    MAX_PAST_SPAN,
    MAX_SHARERS,
    History,
    PastPurchase,
    PastState,
)

_ENDS: Mapping[IntentState, PastState] = {
    IntentState.FAILED: PastState.FAILED,
    IntentState.CANCELED: PastState.FAILED,
    IntentState.EXPIRED: PastState.FAILED,
    # What came bought nothing and goes back.
    IntentState.CAPTURED: PastState.RETURNED,
    IntentState.CONFLICTED: PastState.RETURNED,
    IntentState.CREDITED: PastState.PAID,
}
"""All other states may lead to money yet."""


class PaymentHistories:
    """Tells gates of purchases from the table of payments, so no counter can differ from it."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    def of(self, tenant: TenantRef, until: datetime | None = None) -> History:
        """Return what the tenant's players bought; with `until` nothing that came later.

        What came earlier stands as it does now.
        """
        return _OfTenant(self._db, self._clock, tenant, until)


class _OfTenant:
    """The history of one tenant."""

    def __init__(
        self, db: Database, clock: Clock, tenant: TenantRef, until: datetime | None
    ) -> None:
        self._db = db
        self._clock = clock
        self._tenant = tenant
        self._until = until

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Return the player's purchases, as the port says."""
        self._check(since)
        async with self._db.begin(self._tenant.schema, read_only=True) as tx:
            rows = await store.purchases_since(tx.driver, player_id, since, self._until, MAX_PAST)
        return [_told(row) for row in rows]

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Return how many others bought on the device, as the port says."""
        self._check(since)
        async with self._db.begin(self._tenant.schema, read_only=True) as tx:
            return await store.count_sharers(
                tx.driver, device, player_id, since, self._until, MAX_SHARERS
            )

    def _check(self, since: datetime) -> None:
        if since.tzinfo is None:
            raise ValueError("the time has no zone")
        # Whoever asks counts from when it was called, a while ago.
        if (self._until or self._clock.now()) - since > MAX_PAST_SPAN + store.SKEW:
            raise ValueError(f"purchases are told for {MAX_PAST_SPAN.days} days only")


def _told(row: store.LateRow) -> PastPurchase:
    state = _ENDS.get(IntentState(row.state), PastState.OPEN)
    if state is PastState.PAID and row.kept_minor <= 0:
        state = PastState.RETURNED
    return PastPurchase(
        payment_id=row.id,
        product_id=row.product_id,
        amount_minor=row.amount_minor,
        currency=row.money,
        provider=row.provider,
        state=state,
        created_at=row.created_at,
        declined_at=tuple(row.declined_at),
    )
