"""Ask the checks of a purchase, with what they may know of the player besides it."""

from collections.abc import Sequence

import msgspec

from guildbank.identity import age_of
from guildbank.infra.tenant import TenantRef
from guildbank.payments.archive import Subject
from guildbank.payments.usecases import Payments
from guildbank.pipelines import Passage, Placed, ask_gates
from guildbank.plugin_api import Context, Manifest, PurchaseView


async def ask_steps(
    payments: Payments,
    tenant: TenantRef,
    steps: Sequence[Placed],
    purchase: PurchaseView,
    payment_id: str,
) -> Passage:
    """Return what each step said, up to the first that refuses: `purchase_vetoed`,
    `gate_unavailable`. Where no step is, nothing is read. What they exchange is kept with the
    payment, which an entry step does not know yet.
    """
    if not steps:
        return Passage((), None)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        age = await age_of(tx.driver, purchase.player_id)
    known = msgspec.structs.replace(
        purchase,
        age_confirmed_at=None if age is None else age.at,
        address_country=payments.address_countries.country_of(purchase.address),
    )

    def heard(context: Context, manifest: Manifest) -> Context:
        return payments.archive.listens(tenant, Subject(payment_id), context, manifest)

    return await ask_gates(payments.pipelines, tenant, steps, known, heard)
