"""Open what is kept of a destination under the person's key."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.payments.contracts.payouts import KeptDestination
from guildbank.payments.usecases import Payments

_KEPT = msgspec.json.Decoder(KeptDestination)


async def open_destination(
    payments: Payments, tenant: TenantRef, player_id: str, sealed: bytes | None
) -> KeptDestination | None:
    """Return what is known of a destination, None where the person's key is gone."""
    if sealed is None:
        return None
    opened = await payments.persons.reveal(tenant, player_id, sealed)
    return None if opened is None else _KEPT.decode(opened)
