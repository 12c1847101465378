"""Hold a line about a player's payout against the books; what they lack is asked for."""

from guildbank.infra.tenant import TenantRef
from guildbank.payments import payouts
from guildbank.payments.contracts.payouts import Payout, PayoutState
from guildbank.payments.contracts.reports import Line
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.send import look_at_payout

_WENT_OUT = frozenset({PayoutState.PAID, PayoutState.RETURNED})


async def payout_of_line(
    payments: Payments, tenant: TenantRef, provider: str, line: Line
) -> Payout | None:
    """Return the payout that a line names, by our reference or by the provider's."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = None
        if line.payout is not None:
            found = await payouts.payout_by_id(tx.driver, line.payout)
        if found is None and line.reference is not None:
            found = await payouts.payout_by_reference(tx.driver, provider, line.reference)
    return found if found is not None and found.provider == provider else None


def booked(payout: Payout, line: Line) -> tuple[int, str] | None:
    """Return what the books say of the same, signed as in a report; None where they lack it.

    A company may report the money as gone while the player has not claimed it yet: the books have
    it in flight then, once they have asked.
    """
    if line.gross_minor > 0:
        returned = payout.state is PayoutState.RETURNED
        return (payout.amount_minor, payout.money) if returned else None
    out = _WENT_OUT | ({PayoutState.PENDING} if line.looked else set())
    return (-payout.amount_minor, payout.money) if payout.state in out else None


async def look_by_line(payments: Payments, tenant: TenantRef, provider: str, line: Line) -> bool:
    """Ask the provider about the payout of a line; False where it is none of ours."""
    payout = await payout_of_line(payments, tenant, provider, line)
    if payout is None:
        return False
    await look_at_payout(payments, tenant, payout, line.reference)
    return True
