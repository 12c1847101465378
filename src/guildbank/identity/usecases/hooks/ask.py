"""The questions to the studio's server, each with what it may know of the player."""

from collections.abc import Sequence

from guildbank.identity.contracts.hooks import Claims
from guildbank.identity.store import sessions as store
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def ask_before_register(
    identity: Identity,
    tenant: TenantRef,
    *,
    username: str | None,
    email: str | None,
    locale: str | None,
    country: str | None,
) -> Refusal | None:
    """Return why the studio does not want this player, else None.

    Refusals: `hook_refused`, `hook_unavailable`.
    """
    data = {"username": username, "email": email, "locale": locale, "country": country}
    answer = await identity.hooks.ask(tenant, "before_register", data)
    return answer if isinstance(answer, Refusal) else None


async def ask_before_login(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    methods: Sequence[str],
    device: str,
    *,
    known_device: bool,
) -> Claims | Refusal:
    """Return the claims of a sign-in's first token; asks about the sign-in, then about the token.

    Refusals: `hook_refused`, `hook_unavailable`.
    """
    data = {
        "playerId": player_id,
        "methods": list(methods),
        "device": device[:200],
        "knownDevice": known_device,
    }
    of_login = await identity.hooks.ask(tenant, "before_login", data)
    if isinstance(of_login, Refusal):
        return of_login
    of_token = await ask_before_token(identity, tenant, player_id, "sign_in")
    return of_token if isinstance(of_token, Refusal) else {**of_login, **of_token}


async def ask_before_token(
    identity: Identity, tenant: TenantRef, player_id: str, reason: str
) -> Claims | Refusal:
    """Return the claims of a token; `reason` is `sign_in`, `refresh` or `game_server`.

    Refusals: `hook_refused`, `hook_unavailable`.
    """
    data = {"playerId": player_id, "reason": reason}
    return await identity.hooks.ask(tenant, "before_token", data)


async def ask_before_refresh(
    identity: Identity, tenant: TenantRef, session_id: str
) -> Claims | Refusal:
    """Return the claims of a session's next token, before the refresh token is used up.

    Refusals: `hook_refused`, `hook_unavailable`.
    """
    if await identity.hooks.at(tenant, "before_token") is None:
        return {}
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        player_id = await store.player_of(tx.driver, session_id)
    if player_id is None:
        return {}
    return await ask_before_token(identity, tenant, player_id, "refresh")
