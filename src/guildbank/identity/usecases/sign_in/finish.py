"""The end of every way to sign in: a session for who proved enough."""

import msgspec

from guildbank.identity.contracts.players import PlayerState, barred_by
from guildbank.identity.contracts.sign_in import Method, Tokens
from guildbank.identity.usecases import Identity
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

    Refusals: `player_suspended`, `player_closed`, and `second_factor_required`, which tells how to
    go on.
    """
    barred = barred_by(proof.state)
    if barred is not None:
        return barred
    return await begin_session(identity, tenant, proof.player_id, proof.device, proof.methods)
