"""See to it that nobody else takes passkeys of the host that a tenant chose for its own."""

from guildbank.infra.database import Tx
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import RP_ID_TAKEN, TenantSettings
from guildbank.tenancy.rules import shares_passkeys
from guildbank.tenancy.usecases import Tenancy


async def claim_rp_id(
    tenancy: Tenancy, tx: Tx, tenant_id: str, settings: TenantSettings
) -> Refusal | None:
    """Return `rp_id_taken` where another tenant or the deployment has the host, else None.

    Whoever else chooses one waits until the transaction ends.
    """
    if settings.passkeys is None:
        return None
    taken = [*tenancy.own_hosts, *await store.other_rp_ids(tx, tenant_id)]
    shared = any(shares_passkeys(settings.passkeys.rp_id, other) for other in taken)
    return RP_ID_TAKEN if shared else None
