"""Say what keeps other versions of a provider's plugin from taking its place in a tenant."""

from collections.abc import Sequence
from typing import Any

from guildbank.infra.tenant import TenantRef
from guildbank.payments import states, store
from guildbank.payments.usecases.stored_settings import safe_of
from guildbank.plugin_api import Manifest, Slot


async def limit_versions(
    services: Any, tenant: TenantRef, manifests: Sequence[Manifest]
) -> list[str]:
    """Return what of the tenant none of these versions reads: attempts, payouts and where they
    go, customers, and the account's settings.

    They are versions of one plugin, the newest first, which has to read the settings.
    """
    newest = manifests[0]
    if newest.slot is not Slot.PROVIDER:
        return []
    reads = {state for one in manifests for state in (one.state_version, *one.reads_states)}
    async with services.db.begin(tenant.schema, read_only=True) as tx:
        unread = await states.unread_states(tx.driver, newest.id, sorted(reads))
        since = services.payments.clock.now() - services.payments.timing.payout_returns
        besides = await states.unread_besides(tx.driver, newest.id, sorted(reads), since)
        account = await store.account_at(tx.driver, newest.id)
    found = [
        f"it cannot read state {state} of {count} payments that are under way or may go back"
        for state, count in unread
    ]
    found += [f"it cannot read state {state} of {count} {what}" for what, state, count in besides]
    if account is not None:
        safe = await safe_of(services.payments, tenant)
        if (problem := safe.problem(account, newest)) is not None:
            found.append(f"the provider's account: {problem.detail}")
    return found
