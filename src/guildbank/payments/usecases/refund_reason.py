"""Why money was given back: free text, kept under the person's key like every such text."""

from collections.abc import Sequence

import msgspec

from guildbank.identity import UNKNOWN_PLAYER
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Sealed, recall
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Refund
from guildbank.payments.usecases import Payments


async def seal_reason(
    payments: Payments, tenant: TenantRef, player_id: str, reason: str | None
) -> Sealed | Refusal | None:
    """Return the sealed reason; None where none is given or its person is erased.

    Refusal: `tenant_suspended`.
    """
    if reason is None:
        return None
    payload = msgspec.json.encode({"reason": reason})
    sealed = await payments.persons.seal(tenant, player_id, payload)
    return None if sealed == UNKNOWN_PLAYER else sealed


async def hash_before(payments: Payments, tenant: TenantRef, act: Act) -> str | None:
    """Return the hash of the words that an act with this key had, if one was.

    Of who was erased only the entry knows it: the key that salts it is gone.
    """
    found = await recall(payments.db, tenant.schema, act)
    return None if found is None else msgspec.json.decode(found.data).get("payload")


async def with_reasons(
    payments: Payments, tenant: TenantRef, player_id: str, refunds: Sequence[Refund]
) -> list[Refund]:
    """Return the refunds with their reasons in clear, as far as the person's key is there."""
    shown = []
    for refund in refunds:
        sealed = refund.sealed_reason
        if sealed is not None:
            opened = await payments.persons.reveal(tenant, player_id, sealed)
            reason = None if opened is None else msgspec.json.decode(opened)["reason"]
            refund = msgspec.structs.replace(refund, reason=reason)  # noqa: PLW2901 - the same one
        shown.append(refund)
    return shown
