"""The end of every way to sign in: a session for who proved enough."""

import msgspec

from guildbank.identity.contracts.players import PLAYER_CLOSED, PLAYER_SUSPENDED, PlayerState
from guildbank.identity.contracts.sign_in import Method, Tokens
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.hooks.ask import ask_before_login
from guildbank.identity.usecases.sign_in.keep_session import begin_session
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person proved to be, how, and on what: `device` is what the client calls itself.

    `known` says that this device has signed in to the account before.
    """

    player_id: str
    state: PlayerState
    methods: tuple[Method, ...]
    device: str
    known: bool = False


async def finish_sign_in(identity: Identity, tenant: TenantRef, proof: Proof) -> Tokens | Refusal:
    """Return the tokens of a new session.

    Refusals: `player_suspended`, `player_closed`, `hook_refused`, `hook_unavailable`, and
    `second_factor_required`, which tells how to go on.
    """
    barred = barred_by(proof.state)
    if barred is not None:
        return barred
    player_id, methods, device = proof.player_id, proof.methods, proof.device
    claims = await ask_before_login(
        identity, tenant, player_id, methods, device, known_device=proof.known
    )
    if isinstance(claims, Refusal):
        return claims
    return await begin_session(identity, tenant, player_id, device, methods, claims)


def barred_by(state: PlayerState) -> Refusal | None:
    """Return why a player of this state may not come in, else None."""
    if state == "active":
        return None
    return PLAYER_SUSPENDED if state == "suspended" else PLAYER_CLOSED
