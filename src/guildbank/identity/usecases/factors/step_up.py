"""Let a player prove again who they are, in the session that they have."""

from guildbank.identity.contracts.factors import WAY_NOT_OPEN, Answer, Factors
from guildbank.identity.contracts.sign_in import LOGIN_FAILED, SESSION_ENDED, PlayerToken
from guildbank.identity.store import factors as store
from guildbank.identity.store import sessions
from guildbank.identity.strength import prepare_guess
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.prove import guesses_of, prove
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.require_factor import factor_needed
from guildbank.identity.usecases.hooks.ask import ask_before_token
from guildbank.infra.http import ClientAddress
from guildbank.infra.passwords import Verdict
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def step_up(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    session_id: str,
    answer: Answer,
    address: ClientAddress,
) -> PlayerToken | Refusal:
    """Return a new access token of the session, which is fresh for ten minutes.

    Refusals: `step_up_required` where a password is not enough, `login_failed` for a wrong one,
    `session_ended`, `hook_refused`, `hook_unavailable`, and those of `prove`. Raises Overworked
    and StoreAway.
    """
    found = await read_factors(identity, tenant, player_id)
    if isinstance(found, Refusal):
        return found
    # A session is a device that is known: nobody who guesses elsewhere locks its player out.
    account = guesses_of(player_id)
    device = identity.throttle.token_for(tenant.id, account, session_id)
    if answer.method == "password":
        asked = (tenant.id, account, address, device)
        refused = await _password(identity, tenant, found[0], answer.text, asked)
    else:
        refused = await prove(identity, tenant, found, answer, address, "step_up_code", device)
    if refused is not None:
        return refused
    claims = await ask_before_token(identity, tenant, player_id, "step_up")
    if isinstance(claims, Refusal):
        return claims
    now, factor = identity.clock.now(), answer.method != "password"
    async with identity.db.begin(tenant.schema) as tx:
        session = await sessions.prove(
            tx.driver, (session_id, player_id), now, answer.method, factor
        )
    if session is None:
        return SESSION_ENDED
    return await identity.tokens.mint(tenant, player_id, session=session, ext=claims)


async def _password(
    identity: Identity,
    tenant: TenantRef,
    factors: Factors,
    text: str,
    asked: tuple[str, str, ClientAddress, str],
) -> Refusal | None:
    if factors.protected:
        return factor_needed(factors)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        stored = await store.password_hash(tx.driver, factors.player_id)
    if stored is None:
        return WAY_NOT_OPEN
    if await identity.passwords.verify(prepare_guess(text), stored) is Verdict.WRONG:
        return LOGIN_FAILED
    await identity.throttle.succeeded(*asked)
    return None
