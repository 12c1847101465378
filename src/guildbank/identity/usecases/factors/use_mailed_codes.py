"""Let a player be asked for a code by mail whenever they sign in."""

from guildbank.identity.contracts.factors import FACTOR_EXISTS, FACTORS_OFF, NO_ADDRESS
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.store import factors as store
from guildbank.identity.store import sessions
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.recovery_codes import Fresh, first_codes, new_codes
from guildbank.identity.usecases.factors.require_factor import may_change_factors
from guildbank.identity.usecases.factors.tell import seal_change
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail


async def use_mailed_codes(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str
) -> Fresh | Refusal:
    """Make codes by mail a second factor; returns recovery codes where the player had none.

    Refusals: `second_factor_off`, `address_not_confirmed`, `factor_exists`, `step_up_required`.
    """
    found = await may_change_factors(identity, tenant, player_id, session_id)
    if isinstance(found, Refusal):
        return found
    factors, policy = found
    if policy.second_factor == "off":
        return FACTORS_OFF
    mail = await seal_change(identity, tenant, factors, "mailed_code", added=True)
    if mail is None:
        return NO_ADDRESS
    codes = await new_codes(identity, tenant, player_id)
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        if not await store.add_mailed_code(tx.driver, player_id, identity.clock.now()):
            return FACTOR_EXISTS
        if not factors.protected:
            await sessions.enrolled(tx.driver, session_id, player_id)
        await queue_mail(tx, mail)
        return await first_codes(tx, player_id, codes)
