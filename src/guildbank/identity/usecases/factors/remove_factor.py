"""Take a second factor from an account, and with it every other session: it may be a thief's."""

from guildbank.identity.contracts.factors import NO_FACTOR, FactorKind
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.contracts.sign_in import OF_AN_ACCOUNT
from guildbank.identity.store import factors as store
from guildbank.identity.store import sessions
from guildbank.identity.store.players import hold_player, replaced
from guildbank.identity.store.tickets import drop
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.require_factor import may_change_factors
from guildbank.identity.usecases.factors.tell import seal_change
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail


async def remove_factor(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    session_id: str,
    kind: FactorKind,
    passkey_id: str = "",
) -> Refusal | None:
    """Remove an authenticator app, codes by mail, or the passkey of this id.

    All other sessions end, and a mail tells of it. Recovery codes go with the last factor.
    Refusals: `not_found`, `step_up_required`.
    """
    found = await may_change_factors(identity, tenant, player_id, session_id)
    if isinstance(found, Refusal):
        return found
    mail = await seal_change(identity, tenant, found[0], kind, added=False)
    expected = identity.standings.expect(tenant, player_id)
    ended: list[str] = []
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        removed = await (
            store.remove_passkey(tx.driver, player_id, passkey_id)
            if kind == "passkey"
            else store.remove_factor(tx.driver, player_id, kind)
        )
        if removed:
            await store.drop_idle_recovery_codes(tx.driver, player_id)
            await replaced(tx.driver, [player_id])
            now = identity.clock.now()
            await drop(tx.driver, player_id, list(OF_AN_ACCOUNT))
            ended = await sessions.end(tx.driver, player_id, now, keep=session_id)
            if mail is not None:
                await queue_mail(tx, mail)
    await identity.standings.settle(tenant, player_id, expected, told=bool(ended))
    return None if removed else NO_FACTOR
