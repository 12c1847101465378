"""Read what was exchanged about a payment, which is recorded, and forget it after a while."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import exchanged, store
from guildbank.payments.archive import PART, Exchange, place_of
from guildbank.payments.contracts.refusals import NO_PAYMENT
from guildbank.payments.contracts.rows import EXCHANGES_READ
from guildbank.payments.exchanged import ExchangeRow
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import Slot

DEFAULT_DAYS = 90
_EXCHANGES = msgspec.json.Decoder(Exchange)
MOST_TOLD = 200
"""Requests to its provider that a payment's timeline shows."""


class Kept(NamedTuple):
    """An exchange as it was kept. `kind` is the slot of a plugin, or `caller`."""

    id: str
    kind: str
    at: datetime
    exchange: Exchange


async def read_exchanges(
    payments: Payments, tenant: TenantRef, principal: str, payment_id: str, after: str, limit: int
) -> Sequence[Kept] | Refusal:
    """Return the exchanges about a payment in their order, and record who read them.

    Of a person who was erased there are none. Refusal: `not_found`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
        if intent is None:
            return NO_PAYMENT
        rows = await exchanged.exchanges_of(tx.driver, payment_id, after, limit)
    found = await _opened(payments, tenant, intent.player_id, rows)
    recorder = await payments.recorder(tenant)
    async with payments.db.begin(tenant.schema) as tx:
        told = {"payment": payment_id, "exchanges": len(found)}
        await recorder.record(tx, principal, EXCHANGES_READ, told)
    return found


async def read_exchanges_about(
    payments: Payments, tenant: TenantRef, principal: str, about: str, after: str, limit: int
) -> Sequence[Kept]:
    """Return the exchanges about what is no payment in their order, and record who read them.

    `about` is the id of a payout, a customer at a provider or a reconciliation, or a provider whose
    reports are read. Of a person who was erased there are none.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        rows = await exchanged.exchanges_about(tx.driver, about, after, limit)
    players = {row.player_id for row in rows if row.player_id is not None}
    found: list[Kept] = []
    for player_id in sorted(players):
        own = [row for row in rows if row.player_id == player_id]
        found += await _opened(payments, tenant, player_id, own)
    house = await payments.tenants.data_key(tenant.id)
    for row in rows:
        if row.player_id is None and house is not None:
            said = _EXCHANGES.decode(house.open(place_of(tenant), row.sealed))
            found.append(Kept(row.id, row.kind, row.at, said))
    recorder = await payments.recorder(tenant)
    async with payments.db.begin(tenant.schema) as tx:
        told = {"about": about, "exchanges": len(found)}
        await recorder.record(tx, principal, EXCHANGES_READ, told)
    return sorted(found, key=lambda one: one.id)


async def read_requests_to_provider(
    payments: Payments, tenant: TenantRef, payment_id: str, player_id: str
) -> Sequence[Kept]:
    """Return the newest requests to the payment's provider, the oldest first.

    For what names nobody: whoever shows fields of them goes by `read_exchanges`, which is recorded.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        rows = await exchanged.newest_of_kind(tx.driver, payment_id, Slot.PROVIDER.value, MOST_TOLD)
    return await _opened(payments, tenant, player_id, rows)


async def _opened(
    payments: Payments, tenant: TenantRef, player_id: str, rows: Sequence[ExchangeRow]
) -> list[Kept]:
    """Return what rows hold, nothing where the person's key is gone."""
    key = await payments.persons.key_of(tenant, player_id) if rows else None
    if key is None:
        return []
    found = []
    for row in rows:
        said = payments.persons.opened(key, player_id, row.sealed, None)
        found.append(Kept(row.id, row.kind, row.at, msgspec.convert(said, Exchange)))
    return found


async def kept_for(payments: Payments, tenant: TenantRef) -> timedelta:
    """Return for how long a tenant keeps what was exchanged."""
    settings = await payments.tenants.settings(tenant.id)
    return timedelta(days=DEFAULT_DAYS if settings is None else settings.exchanges_kept_days)


async def forget_exchanges(payments: Payments, tenant: TenantRef) -> int:
    """Delete what is older than the tenant keeps it; return how much that was."""
    before, forgotten = payments.clock.now() - await kept_for(payments, tenant), 0
    while True:
        async with payments.db.begin(tenant.schema) as tx:
            some = await exchanged.forget(tx.driver, before, PART)
        forgotten += some
        if some < PART:
            return forgotten
