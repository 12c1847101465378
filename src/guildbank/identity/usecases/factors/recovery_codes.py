"""Give a player ten codes for the day when the second factor is lost; only hashes are kept."""

from collections.abc import Sequence

import msgspec

from guildbank.identity.contracts.factors import NOTHING_TO_RECOVER
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.rules import new_recovery_codes
from guildbank.identity.store import factors as store
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.require_factor import may_change_factors
from guildbank.identity.usecases.factors.seal_codes import hash_recovery_code, key_of
from guildbank.identity.usecases.factors.tell import seal_notice
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail


class Codes(msgspec.Struct, frozen=True):
    """Recovery codes that nobody was shown yet, and what is kept of them."""

    shown: Sequence[str]
    hashes: Sequence[bytes]


class Fresh(msgspec.Struct, frozen=True):
    """What adding a factor gave: recovery codes to show this once, None where some are left."""

    recovery_codes: Sequence[str] | None


async def new_codes(identity: Identity, tenant: TenantRef, player_id: str) -> Codes:
    """Return codes to be kept in a transaction that comes after."""
    key, shown = await key_of(identity, tenant), new_recovery_codes()
    return Codes(shown, [hash_recovery_code(key, player_id, code) for code in shown])


async def first_codes(tx: Tx, player_id: str, codes: Codes) -> Fresh:
    """Keep the codes unless the player, who is locked, has some; return those to be shown."""
    if await store.count_recovery_codes(tx.driver, player_id):
        return Fresh(None)
    await store.set_recovery_codes(tx.driver, player_id, codes.hashes)
    return Fresh(codes.shown)


async def renew_recovery_codes(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str
) -> Fresh | Refusal:
    """Return ten new codes; those from before open nothing any more.

    Refusals: `no_second_factor`, `step_up_required`.
    """
    found = await may_change_factors(identity, tenant, player_id, session_id)
    if isinstance(found, Refusal):
        return found
    if not found[0].protected:
        return NOTHING_TO_RECOVER
    codes = await new_codes(identity, tenant, player_id)
    mail = await seal_notice(identity, tenant, found[0], "identity.recovery_codes_renewed", {})
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        await store.set_recovery_codes(tx.driver, player_id, codes.hashes)
        if mail is not None:
            await queue_mail(tx, mail)
    return Fresh(codes.shown)
