"""List a player's subscriptions, as their stores said last."""

from collections.abc import Sequence

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import saved
from guildbank.payments.contracts.refusals_saved import NO_PLAYER
from guildbank.payments.contracts.subscriptions import Subscription
from guildbank.payments.subscriptions import subscriptions_of
from guildbank.payments.usecases import Payments


async def list_subscriptions(
    payments: Payments, tenant: TenantRef, player_id: str
) -> Sequence[Subscription] | Refusal:
    """Return a player's subscriptions, the newest first, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if not await saved.is_player(tx.driver, player_id):
            return NO_PLAYER
        return await subscriptions_of(tx.driver, player_id)
