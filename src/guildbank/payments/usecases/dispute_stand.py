"""Ask a provider how a dispute stands: its events come in any order, and deadlines are its own."""

import asyncio

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.refusals import NOT_ANSWERED_HERE, PROVIDER_SILENT
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.plugin_api import DisputeStand, TellsDisputes

log = structlog.get_logger(__name__)


async def ask_stand(
    payments: Payments, tenant: TenantRef, provider: str, payment_id: str, reference: str
) -> DisputeStand | Refusal:
    """Return how the dispute stands.

    Refusals: `dispute_not_answerable` where the provider is not asked about disputes, or its
    credentials may not read them, `provider_silent`, and those of `line_to`.
    """
    line = await line_about(payments, tenant, provider, payment_id)
    if isinstance(line, Refusal):
        return line
    plugin = line.plugin
    if not isinstance(plugin, TellsDisputes):
        return NOT_ANSWERED_HERE
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            stand = await plugin.fetch_dispute(line.context, reference)
    except Exception as error:  # only the provider knows, and it did not say
        log.warning("dispute_not_told", plugin=provider, error=fault_of(line, error))
        return PROVIDER_SILENT
    if stand is None:
        return NOT_ANSWERED_HERE
    if not _is_sound(stand, reference):
        log.error("dispute_malformed", plugin=provider)
        return PROVIDER_SILENT
    return stand


def _is_sound(stand: DisputeStand, reference: str) -> bool:
    """Say whether what was told is of this dispute, and its money makes sense."""
    told = stand.amount_minor is not None and stand.currency is not None
    whole = told or (stand.amount_minor is None and stand.currency is None)
    amount = stand.amount_minor
    right = amount is None or 0 < amount <= MAX_AMOUNT
    return stand.reference == reference and storable(stand.reference) and whole and right
