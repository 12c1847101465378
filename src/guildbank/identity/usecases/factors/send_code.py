"""Mail a player a code by which they prove that they read their mail."""

from datetime import datetime, timedelta
from typing import Literal

from guildbank.identity.contracts.factors import NO_ADDRESS, WAY_NOT_OPEN, Factors
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.rules import ways_to_prove
from guildbank.identity.store import factors as store
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.sign_in.tickets import (
    add_ticket,
    code_hash,
    new_code,
    new_secret,
)
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import Mail, queue_mail, seal_mail

CodePurpose = Literal["sign_in_code", "step_up_code"]
CODE_LIFE = timedelta(minutes=10)
BETWEEN_CODES = timedelta(seconds=60)


async def send_code(
    identity: Identity, tenant: TenantRef, factors: Factors, purpose: CodePurpose
) -> datetime | Refusal:
    """Mail a code of eight digits to the confirmed address; returns until when it is good.

    What one `purpose` was mailed for proves nothing for the other.

    Refusals: `address_not_confirmed`, `method_not_open`, and `rate_limited` within a minute of the
    last one.
    """
    if factors.address is None:
        return NO_ADDRESS
    if "mailed_code" not in ways_to_prove(factors):
        return WAY_NOT_OPEN
    code, now, player_id = new_code(), identity.clock.now(), factors.player_id
    hash_ = await code_hash(identity, tenant, purpose, player_id, code)
    mail = Mail(
        template="identity.sign_in_code",
        to=factors.address,
        locale=factors.locale,
        values={"code": code},
        expires_at=now + CODE_LIFE,
    )
    sealed = await seal_mail(identity.notify, tenant, mail, now)
    if isinstance(sealed, Refusal):
        raise ValueError(f"a code cannot be written: {sealed.code} {sealed.field}")
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        newest = await store.newest_ticket(tx.driver, player_id, purpose)
        if newest is not None and newest - CODE_LIFE + BETWEEN_CODES > now:
            return _too_soon(newest - CODE_LIFE + BETWEEN_CODES - now)
        # Nobody holds its secret: the digits alone open it.
        ticket = await add_ticket(
            identity,
            tx,
            new_secret(),
            purpose,
            CODE_LIFE,
            player_id=player_id,
            code=hash_,
        )
        await queue_mail(tx, sealed)
    return ticket.expires_at


def _too_soon(left: timedelta) -> Refusal:
    wait = max(1, int(left.total_seconds()))
    return Refusal(
        code="rate_limited",
        detail=f"A code was mailed just now. Use it, or ask for another in {wait} seconds.",
        extra={"retryAfterSeconds": wait},
    )
