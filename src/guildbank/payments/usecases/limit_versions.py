"""Say what keeps other versions of a provider's plugin from taking its place in a tenant."""

from collections.abc import Sequence
from typing import Any

from guildbank.infra.tenant import TenantRef
from guildbank.payments import store
from guildbank.payments.usecases.stored_settings import safe_of
from guildbank.plugin_api import Manifest, Slot

# What may still be paid, refunded or disputed, by the state of its provider that it was begun in.
UNREAD = """
SELECT state_version, count(*)
FROM payments_attempt
WHERE provider = $1
  AND state_version <> ALL($2::integer[])
  AND (
      state IN ('created', 'pending', 'unknown')
      OR captured_minor > refunded_minor + disputed_minor
      OR refunding_minor > 0
      OR open_disputes > 0
  )
GROUP BY state_version
ORDER BY state_version
"""


async def limit_versions(
    services: Any, tenant: TenantRef, manifests: Sequence[Manifest]
) -> list[str]:
    """Return what of the tenant none of these versions reads: attempts, and the account's settings.

    They are versions of one plugin, the newest first, which has to read the settings.
    """
    newest = manifests[0]
    if newest.slot is not Slot.PROVIDER:
        return []
    reads = {state for one in manifests for state in (one.state_version, *one.reads_states)}
    async with services.db.begin(tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(UNREAD, newest.id, sorted(reads))
        account = await store.account_at(tx.driver, newest.id)
    found = [
        f"it cannot read state {state} of {count} payments that are under way or may go back"
        for state, count in rows
    ]
    if account is not None:
        safe = await safe_of(services.payments, tenant)
        if (problem := safe.problem(account, newest)) is not None:
            found.append(f"the provider's account: {problem.detail}")
    return found
