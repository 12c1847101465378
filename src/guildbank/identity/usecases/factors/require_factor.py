"""Ask for a second factor of the last minutes before what must not be done by a thief."""

from guildbank.identity.contracts.factors import SESSION_NEEDED, Factors, Policy
from guildbank.identity.rules import ways_to_prove
from guildbank.identity.store import sessions
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.authenticate import FRESH
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.tenancy import GuardedAction


async def require_factor(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    session_id: str | None,
    action: GuardedAction,
) -> Refusal | None:
    """Return why the player may not do this now in this session, None where they may.

    Only actions that the tenant lists ask for anything. Not for the inside of a transaction.
    Refusals: `session_required` for who did not sign in, `step_up_required` with the open
    `methods`, `not_found`.
    """
    settings = await identity.tenants.settings(tenant.id)
    if settings is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    if action not in settings.second_factor_actions:
        return None
    if session_id is None:
        return SESSION_NEEDED
    if await _fresh(identity, tenant, player_id, session_id):
        return None
    found = await read_factors(identity, tenant, player_id)
    return found if isinstance(found, Refusal) else factor_needed(found[0])


async def may_change_factors(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str
) -> tuple[Factors, Policy] | Refusal:
    """Return what the player has, if it may be changed in this session.

    Who has a second factor must have proved it there of late, so that another's session that was
    fresh before does not change it. Who adds the first must have been seen to read the mail of the
    confirmed address: a factor of anybody else would have to go with a password that is set by
    mail, and so would one that its owner counts on. Refusals: `step_up_required`, `not_found`.
    """
    found = await read_factors(identity, tenant, player_id)
    if isinstance(found, Refusal):
        return found
    factors = found[0]
    if not factors.protected:
        return found if factors.owned or factors.address is None else _reader_unknown(factors)
    if await _fresh(identity, tenant, player_id, session_id):
        return found
    return factor_needed(found[0])


def _reader_unknown(factors: Factors) -> Refusal:
    detail = (
        "The address was confirmed from outside this account. Show that you read its mail: have a "
        "code sent by /v1/sessions/step-up/mail, give it to /v1/sessions/step-up, then call again "
        "with the new token."
    )
    return Refusal(
        code="step_up_required", detail=detail, extra={"methods": ways_to_prove(factors)}
    )


def factor_needed(factors: Factors) -> Refusal:
    """Return the refusal of who must prove a second factor, with the ways that are open."""
    ways = ways_to_prove(factors)
    detail = (
        "This needs a second factor of the last ten minutes: prove one at /v1/sessions/step-up "
        "by one of `methods`, then call again with the new token."
    )
    if not ways:
        detail = (
            "This needs a second factor, and the player has none: confirm a mail address, or add "
            "one at /v1/second-factor."
        )
    return Refusal(code="step_up_required", detail=detail, extra={"methods": ways})


async def _fresh(identity: Identity, tenant: TenantRef, player_id: str, session_id: str) -> bool:
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        proved = await sessions.factor_at(tx.driver, session_id, player_id)
    return proved is not None and identity.clock.now() - proved <= FRESH
