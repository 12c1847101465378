"""Read payouts as they stand, and what happened to one of them."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import entries_at
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import past
from guildbank.payments import payouts as shelf
from guildbank.payments.contracts.payouts import KeptDestination, Payout
from guildbank.payments.contracts.refusals_payouts import NO_PAYOUT
from guildbank.payments.payouts import PayoutFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.open_destination import open_destination
from guildbank.payments.usecases.read_timeline import Moment, moment_of, said_by_checks
from guildbank.pipelines import Answer

_ANSWERS = msgspec.json.Decoder(tuple[Answer, ...])


class ShownPayout(NamedTuple):
    """A payout, where it goes, and why it was decided on so: none of it of who was erased."""

    payout: Payout
    destination: KeptDestination | None
    reason: str | None


async def get_payout(
    payments: Payments, tenant: TenantRef, payout_id: str, *, player_id: str | None = None
) -> ShownPayout | Refusal:
    """Return a payout, of this player where one is named. Refusal: `not_found`."""
    if parse_id("pyo", payout_id) is None:
        return NO_PAYOUT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await shelf.payout_by_id(tx.driver, payout_id)
    if found is None or player_id not in (None, found.player_id):
        return NO_PAYOUT
    return await shown(payments, tenant, found)


async def shown(payments: Payments, tenant: TenantRef, payout: Payout) -> ShownPayout:
    """Return a payout as it is shown, as far as its person's key is there."""
    known = await open_destination(payments, tenant, payout.player_id, payout.destination)
    reason = None
    if payout.sealed_reason is not None:
        opened = await payments.persons.reveal(tenant, payout.player_id, payout.sealed_reason)
        reason = None if opened is None else msgspec.json.decode(opened)["reason"]
    return ShownPayout(payout, known, reason)


async def list_payouts(
    payments: Payments, tenant: TenantRef, wanted: PayoutFilter, before: str | None, limit: int
) -> Sequence[Payout]:
    """Return payouts, the newest first."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await shelf.payout_page(tx.driver, wanted, before, limit)


async def read_payout_timeline(
    payments: Payments, tenant: TenantRef, payout_id: str
) -> list[Moment] | Refusal:
    """Return what happened to a payout, the oldest first. Refusal: `not_found`.

    Entries of the journal are here within a second or so of their commit.
    """
    if parse_id("pyo", payout_id) is None:
        return NO_PAYOUT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        payout = await shelf.payout_by_id(tx.driver, payout_id)
        if payout is None:
            return NO_PAYOUT
        entries = await entries_at(tx.driver, await past.entries_of(tx.driver, payout_id))
    answers = _ANSWERS.decode(payout.answers)
    checks = said_by_checks(payout.created_at, None, answers)
    moments = [*map(moment_of, entries.values()), *checks]
    return sorted(moments, key=lambda moment: moment[:2])
