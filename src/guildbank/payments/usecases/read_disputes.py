"""Read disputes as the tenant's people see them: until when to answer, and what was handed in."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import disputes, store
from guildbank.payments.contracts.refusals import NO_DISPUTE
from guildbank.payments.contracts.rows import Dispute
from guildbank.payments.disputes import DisputeFilter
from guildbank.payments.usecases import Payments


class ShownDispute(NamedTuple):
    """A dispute, the texts that were handed in, and those that its provider takes."""

    dispute: Dispute
    texts: Mapping[str, str]
    takes: Mapping[str, int]


async def get_dispute(
    payments: Payments, tenant: TenantRef, dispute_id: str
) -> ShownDispute | Refusal:
    """Return a dispute with its evidence, or `not_found`."""
    if parse_id("dis", dispute_id) is None:
        return NO_DISPUTE
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        dispute = await disputes.dispute_by_id(tx.driver, dispute_id)
        intent = None
        if dispute is not None:
            intent = await store.intent_by_id(tx.driver, dispute.payment_id)
    if dispute is None or intent is None:
        return NO_DISPUTE
    texts: Mapping[str, str] = {}
    if dispute.sealed_evidence is not None:
        opened = await payments.persons.reveal(tenant, intent.player_id, dispute.sealed_evidence)
        if opened is not None:
            texts = msgspec.json.decode(opened, type=dict[str, str])
    plugin = payments.plugins.provider(dispute.provider)
    takes = {} if plugin is None else plugin.manifest.evidence_fields
    return ShownDispute(dispute, texts, takes)


async def list_disputes(
    payments: Payments, tenant: TenantRef, wanted: DisputeFilter, before: str | None, limit: int
) -> Sequence[Dispute]:
    """Return disputes, the newest first."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        now = payments.clock.now()
        return await disputes.dispute_page(tx.driver, wanted, now, before, limit)


async def disputes_due(payments: Payments, tenant: TenantRef) -> int:
    """Return how many disputes are to be answered soon and nobody has answered."""
    now = payments.clock.now()
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await disputes.count_due(tx.driver, now, now + payments.timing.dispute_warns)
